//! ssh-agents that fail in the middle, or lie: what they were asked for isn't stamped, and why is said.
#![cfg(unix)]

use crate::{
    stamp::bench,
    support::{Bench, FakeLog, Ran},
};
use ed25519_dalek::{Signer as _, SigningKey};
use insta::assert_snapshot;
use std::{
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
};

/// What it does when it is asked to sign.
#[derive(Clone, Copy)]
enum Conduct {
    Signs,
    /// It says how long its answer is, and half of it.
    HalfAnAnswer,
    HangsUp,
    /// A signature by another key.
    OtherKey,
    /// Over something else.
    OtherMessage,
    /// It doesn't speak of signatures.
    Nonsense,
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// An agent with one key, called `Ada`. It ends with the test's process.
fn agent(bench: &Bench, conduct: Conduct) {
    let _ = std::fs::remove_file(bench.path("agent"));
    let listener = UnixListener::bind(bench.path("agent")).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream, conduct);
        }
    });
}

/// Until whoever asks is gone, or it is.
fn serve(mut stream: UnixStream, conduct: Conduct) -> Option<()> {
    let blob = [string(b"ssh-ed25519"), string(key(7).verifying_key().as_bytes())].concat();
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        stream.read_exact(&mut request).ok()?;
        if request[0] == 11 {
            let answer = [&[12, 0, 0, 0, 1][..], &string(&blob), &string(b"Ada")].concat();
            stream.write_all(&string(&answer)).ok()?;
            continue;
        }
        // Behind the key and its length, the message and its length, and no flags.
        let message = &request[1 + 4 + blob.len() + 4..request.len() - 4];
        let signature = match conduct {
            Conduct::HangsUp => return None,
            Conduct::Nonsense => {
                stream.write_all(&string(b"\x0fhello")).ok()?;
                continue;
            }
            Conduct::OtherKey => key(8).sign(message),
            Conduct::OtherMessage => key(7).sign(b"something else"),
            Conduct::Signs | Conduct::HalfAnAnswer => key(7).sign(message),
        };
        let whole = [string(b"ssh-ed25519"), string(&signature.to_bytes())].concat();
        let answer = string(&[&[14][..], &string(&whole)].concat());
        if let Conduct::HalfAnAnswer = conduct {
            let _ = stream.write_all(&answer[..answer.len() / 2]);
            return None;
        }
        stream.write_all(&answer).ok()?;
    }
}

fn stamp(bench: &Bench, log: &FakeLog) -> Ran {
    let mut command = bench.stamping(log);
    command.args(["a", "--sign", "agent:Ada", "--holder", "Ada"]).env("SSH_AUTH_SOCK", bench.path("agent"));
    bench.ran(&command.output().unwrap())
}

#[test]
fn an_agent_that_fails_or_lies_signs_nothing() {
    let (log, bench) = bench();
    bench.write("a", "alpha");
    bench.run(&["key", "new"]);
    let told = |conduct| {
        agent(&bench, conduct);
        let ran = stamp(&bench, &log);
        assert!(!bench.exists("a.tlog-proof") && log.submissions().is_empty(), "{ran:?}");
        ran.told()
    };
    assert_snapshot!(told(Conduct::HangsUp), @"
    exit 2
    treering: the ssh-agent broke off in the middle (failed to fill whole buffer): is it still there? ssh-add -l asks it
    ");
    assert_snapshot!(told(Conduct::HalfAnAnswer), @"
    exit 2
    treering: the ssh-agent broke off in the middle (failed to fill whole buffer): is it still there? ssh-add -l asks it
    ");
    assert_snapshot!(told(Conduct::OtherKey), @"
    exit 2
    treering: the signature that the ssh-agent gave is not by its key over the claim
    ");
    assert_eq!(told(Conduct::OtherMessage), told(Conduct::OtherKey));
    assert_snapshot!(told(Conduct::Nonsense), @"
    exit 2
    treering: what the ssh-agent says is not the agent protocol
    ");
    // The same, by one that is as it should be.
    agent(&bench, Conduct::Signs);
    let ran = stamp(&bench, &log);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(bench.trusting(&["verify", "a"]).code, 0);
}
