//! The way from the file to the witnesses, step by step, as commands of a shell with coreutils, xxd and openssl.

use super::{
    Link,
    bytes::{self, from_hex, lines, printf, quoted},
};
use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature,
    hash::{Hash, leaf_hash, node_hash},
    note::{Note, SignatureType, VerifierKey},
    policy::Policy,
};
use treering_token::{
    claim::Claim,
    describe,
    digest::HashId,
    layer::Layer,
    token::{ClaimOpening, Token},
};

/// What has to be done, and why it shows something.
pub(super) struct Step {
    pub(super) title: String,
    pub(super) why: Vec<String>,
    pub(super) commands: Vec<Command>,
}

/// To be pasted into a shell.
pub(super) struct Command {
    pub(super) text: String,
    /// What it has to print, without the newline.
    pub(super) prints: String,
    pub(super) needs_new_openssl: bool,
}

/// What the token is of.
pub(super) struct Subject {
    /// Its name in the commands.
    pub(super) name: String,
}

impl Subject {
    pub(super) fn of_file(name: &str) -> Subject {
        // A name that can't be pasted: the reader copies the file to one that can.
        let name = if bytes::is_plain(name) { name.to_owned() } else { "the-file".to_owned() };
        Subject { name }
    }
}

pub(super) fn steps(link: &Link, policy: &Policy, subject: &Subject) -> Vec<Step> {
    let token = &link.token;
    let mut steps = vec![file(token, link, subject)];
    if let (Some(claim), Some(opening)) = (token.claim(), token.opening()) {
        steps.push(commitment(claim, opening, link.verified.commitment.0));
        steps.extend(names(claim, opening));
        steps.extend(signature(claim));
    }
    let mut data = link.verified.commitment.0;
    let layers = token.layers().as_slice();
    for (place, layer) in layers.iter().enumerate() {
        steps.push(one_layer(layer, &data, place, layers.len()));
        data = layer.root(&data);
    }
    steps.push(entry(token));
    steps.push(tree(token));
    let note = &token.proof().checkpoint;
    steps.extend(signed(note, policy, "checkpoint"));
    if let Some(after) = token.after() {
        steps.extend(lower_bound(after, token.claim(), policy));
    }
    steps
}

fn command(text: String, prints: impl Into<String>) -> Command {
    Command { text, prints: prints.into(), needs_new_openssl: false }
}

fn step(title: impl Into<String>, why: &[&str], commands: Vec<Command>) -> Step {
    Step { title: title.into(), why: why.iter().map(|line| (*line).to_owned()).collect(), commands }
}

fn file(token: &Token, link: &Link, subject: &Subject) -> Step {
    let from = format!("< {}", quoted(&subject.name));
    let sha256 = match token.claim() {
        Some(claim) => hex::encode(claim.digests.sha256()),
        None => link.verified.commitment.0.to_string(),
    };
    let mut commands = vec![command(format!("sha256sum {from}"), format!("{sha256}  -"))];
    for (id, digest) in token.claim().iter().flat_map(|claim| claim.digests.iter()) {
        if let (Some(name), false) = (id.name(), id == HashId::SHA_256) {
            // openssl calls them sha512 and sha3-256.
            let name = name.replacen("sha-", "sha", 1);
            let prints = format!("{} *stdin", hex::encode(digest));
            commands.push(command(format!("openssl dgst -{name} -r {from}"), prints));
        }
    }
    let mut why = vec![
        "A digest is a number made of all bytes of a file. Nobody knows how to make a second file with the same digest, so \
         whoever can show the digest of a time can show the file of that time. One changed byte gives another digest.",
    ];
    if subject.name == "the-file" {
        why.push("The file's name can't be typed: copy the file to the name the-file.");
    }
    if subject.name == "older-token" {
        why.push("What was stamped here is the older token: copy its file to the name older-token.");
    }
    if token.claim().is_none() {
        why.push("This digest itself was stamped.");
    }
    step("The file's digest", &why, commands)
}

/// Where some bytes stand in others, as `cut -c` counts the hex digits.
fn cut(whole: &[u8], part: &[u8]) -> Option<Command> {
    let at = whole.windows(part.len()).position(|window| window == part)?;
    let (from, to) = (2 * at + 1, 2 * (at + part.len()));
    Some(command(format!("printf '%s\\n' {} | cut -c {from}-{to}", hex::encode(whole)), hex::encode(part)))
}

fn commitment(claim: &Claim, opening: &ClaimOpening, commitment: Hash) -> Step {
    let mut commands: Vec<_> = cut(&opening.claim, claim.digests.sha256()).into_iter().collect();
    let hex = format!("{}{}", hex::encode(opening.salt.0), hex::encode(&opening.claim));
    commands.push(command(
        format!("( printf 'treering.claim/1\\n'; {} ) | sha256sum", from_hex(&hex)),
        format!("{commitment}  -"),
    ));
    step(
        "From the digest to what was stamped",
        &[
            "The digest stands in a claim (first command), which was stamped blinded: hashed with 32 random bytes, the salt, so \
             that nobody can tell from outside which file it is about. The second command hashes the words treering.claim/1, \
             the salt and the claim, and gives the 32 bytes that were stamped.",
        ],
        commands,
    )
}

fn names(claim: &Claim, opening: &ClaimOpening) -> Vec<Step> {
    let both = [("holder", claim.holder, &opening.holder), ("agent", claim.agent, &opening.agent)];
    let mut steps = Vec::new();
    for (what, blinded, opened) in both {
        if let (Some(blinded), Some(opened)) = (blinded, opened) {
            let mut commands = vec![command(
                format!(
                    "( printf 'treering.holder/1\\n'; {}; {} ) | sha256sum",
                    from_hex(&hex::encode(opened.salt.0)),
                    printf(opened.name.as_bytes())
                ),
                format!("{blinded}  -"),
            )];
            commands.extend(cut(&opening.claim, blinded.as_bytes()));
            steps.push(step(
                format!("The {what}'s name"),
                &["The name was blinded in the same way, with a salt of its own; its hash stands in the claim. Whoever stamped \
                   the file wrote the name, and nobody has checked it."],
                commands,
            ));
        }
    }
    steps
}

fn signature(claim: &Claim) -> Option<Step> {
    let (key, signature) = claim.signed.as_ref()?;
    let input = claim.signing_input(key);
    let digest = match key {
        treering_token::claim::HolderKey::Ed25519(_) => "",
        treering_token::claim::HolderKey::P256 { .. } => " -digest sha256",
    };
    let commands = vec![
        write(&from_hex(&hex::encode(input)), MESSAGE),
        write(&from_hex(&bytes::holder_key(key)), KEY),
        write(&from_hex(&bytes::holder_signature(key, signature)), SIGNATURE),
        verify(digest),
    ];
    Some(step(
        "The holder's signature over the claim",
        &["The claim is signed by the key that stands in it. Whose key that is, only its holder can tell."],
        commands,
    ))
}

fn one_layer(layer: &Layer, data: &Hash, place: usize, count: usize) -> Step {
    let what = match (place + 1 == count, place) {
        (true, _) => "From the submission to the log's batch",
        (false, 0) => "From what was stamped to the submission",
        (false, _) => "One tree further",
    };
    let (mut hash, mut commands) = (leaf_hash(data.as_bytes()), Vec::new());
    commands.push(leaf(&data.to_string(), &hash));
    for (i, sibling) in layer.siblings().iter().enumerate() {
        let on_left = layer.path() >> i & 1 == 1;
        hash = node(&mut commands, &hash, sibling, on_left);
    }
    step(
        what,
        &[
            "Many are hashed together, two by two, until one hash is left, the root: what stands in the tree can't be changed \
           without changing the root. A leaf is hashed with a byte 00 before it, two nodes with a byte 01. Each command takes \
           what the one before has printed, and the neighbour's hash from the token; the last prints the root.",
        ],
        commands,
    )
}

fn leaf(data: &str, hash: &Hash) -> Command {
    command(format!("{} | sha256sum", from_hex(&format!("00{data}"))), format!("{hash}  -"))
}

/// Two nodes, in their order.
fn node(commands: &mut Vec<Command>, hash: &Hash, sibling: &Hash, on_left: bool) -> Hash {
    let (left, right) = if on_left { (sibling, hash) } else { (hash, sibling) };
    let parent = node_hash(left, right);
    commands.push(command(
        format!("{} | sha256sum", from_hex(&format!("01{left}{right}"))),
        format!("{parent}  -"),
    ));
    parent
}

fn entry(token: &Token) -> Step {
    let entry = token.entry();
    let bytes = entry.encode();
    let mut commands: Vec<_> = cut(&bytes, entry.batch_root().as_bytes()).into_iter().collect();
    let sealed = entry.sealed_at();
    // SPEC: Treering tokens, section 6: array head, version, 1b, and eight bytes.
    let time = hex::encode(sealed.get().to_be_bytes());
    commands.push(command(format!("printf '%s\\n' {} | cut -c 7-22", hex::encode(&bytes)), time.clone()));
    commands.push(command(format!("printf '%d\\n' 0x{time}"), sealed.get().to_string()));
    commands.push(command(
        format!("date -u -d @{} +%Y-%m-%dT%H:%M:%SZ", sealed.get() / 1000),
        describe::seconds(sealed.seconds()),
    ));
    commands.push(leaf(&hex::encode(&bytes), &entry.leaf_hash()));
    step(
        "The log's entry",
        &[
            "Once a second, the log writes down the root of all that came in, and the time by its own clock, in milliseconds \
           since 1970. The first command shows the root in the entry, the next three the time, the last gives the entry's hash.",
        ],
        commands,
    )
}

fn tree(token: &Token) -> Step {
    let proof = token.proof();
    let mut commands = Vec::new();
    let mut hash = token.entry().leaf_hash();
    if let Ok(checkpoint) = Checkpoint::parse(proof.checkpoint.text()) {
        let (mut at, mut last) = (proof.index, checkpoint.head.size.get().saturating_sub(1));
        for sibling in &proof.path {
            // SPEC: Treering verify, section 5: the inclusion proof in full.
            let on_left = at & 1 == 1 || at == last;
            hash = node(&mut commands, &hash, sibling, on_left);
            while on_left && at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
            (at, last) = (at >> 1, last >> 1);
        }
        let root = format!("{} | base64", from_hex(&hash.to_string()));
        commands.push(command(root, checkpoint.head.root.to_base64()));
    }
    step(
        "From the entry to the log's root",
        &[
            "The log hashes all its entries in the same way. The last command writes the root as the log's checkpoint has it, in \
           its third line.",
        ],
        commands,
    )
}

const MESSAGE: &str = "treering-message";
const KEY: &str = "treering-key";
const SIGNATURE: &str = "treering-signature";
const COSIGNED: &str = "treering-cosigned";

fn write(from: &str, to: &str) -> Command {
    command(format!("{from} > {to}"), "")
}

fn verify(digest: &str) -> Command {
    verify_of(MESSAGE, digest)
}

fn verify_of(message: &str, digest: &str) -> Command {
    command(
        format!(
            "openssl pkeyutl -verify -pubin -keyform DER -inkey {KEY} -rawin{digest} -in {message} -sigfile {SIGNATURE}"
        ),
        "Signature Verified Successfully",
    )
}

/// The signatures of a checkpoint that the policy knows.
fn signed(note: &Note, policy: &Policy, what: &str) -> Vec<Step> {
    let Ok(checkpoint) = Checkpoint::parse(note.text()) else { return Vec::new() };
    let mut steps = Vec::new();
    let mut message = vec![write(&lines(note.text()), MESSAGE)];
    for key in policy.log_keys(&checkpoint.origin) {
        for line in note.signatures().iter().filter(|line| key.matches(line)) {
            message.push(write(&from_hex(&bytes::ed25519_key(key.public_bytes())), KEY));
            message.push(write(&from_hex(&hex::encode(line.bytes())), SIGNATURE));
            message.push(verify(""));
            message.push(fingerprint(&key));
        }
    }
    steps.push(step(
        format!("The log's signature on the {what}"),
        &["A checkpoint says: this many entries, this root. Its lines are the log's name, the number of entries, and the root. \
           The last command prints the fingerprint of the key, to be compared with what the log's operator publishes."],
        message,
    ));
    for witness in policy.witnesses() {
        for line in note.signatures().iter().filter(|line| witness.key.matches(line)) {
            steps.extend(cosigned(&checkpoint, &witness.key, line, &witness.name.to_string(), what));
        }
    }
    steps
}

fn cosigned(
    checkpoint: &Checkpoint,
    key: &VerifierKey,
    line: &treering_tlog::note::Signature,
    name: &str,
    what: &str,
) -> Option<Step> {
    let time = cosignature::claimed_time(key, line)?;
    let signature = hex::encode(&line.bytes()[8..]);
    let message = cosignature::message(key, checkpoint, time)?;
    let mut commands = Vec::new();
    match key.kind() {
        SignatureType::CosignatureMlDsa44 => {
            commands.push(write(&from_hex(&hex::encode(message)), COSIGNED));
            commands.push(write(&from_hex(&bytes::ml_dsa_44_key(key.public_bytes())), KEY));
            commands.push(write(&from_hex(&signature), SIGNATURE));
            commands.push(Command { needs_new_openssl: true, ..verify_of(COSIGNED, "") });
        }
        _ => {
            let head = format!("( printf 'cosignature/v1\\ntime %s\\n' {}; cat {MESSAGE} )", time.get());
            commands.push(write(&head, COSIGNED));
            commands.push(write(&from_hex(&bytes::ed25519_key(key.public_bytes())), KEY));
            commands.push(write(&from_hex(&signature), SIGNATURE));
            commands.push(verify_of(COSIGNED, ""));
        }
    }
    commands
        .push(command(format!("date -u -d @{} +%Y-%m-%dT%H:%M:%SZ", time.get()), describe::seconds(time)));
    commands.push(fingerprint(key));
    Some(step(
        format!("The witness {name} on the {what}"),
        &[
            "The witness signed the checkpoint and the time on its own clock, after it had checked that the log only grew. What it \
           signed begins with that time, in seconds since 1970, which the command before the last one writes as a date.",
        ],
        commands,
    ))
}

fn fingerprint(key: &VerifierKey) -> Command {
    let public = hex::encode(key.public_bytes());
    command(format!("{} | sha256sum", from_hex(&public)), format!("{}  -", key.fingerprint()))
}

fn lower_bound(after: &[u8], claim: Option<&Claim>, policy: &Policy) -> Vec<Step> {
    let (Ok(note), Some(claim)) = (Note::parse(after), claim) else { return Vec::new() };
    let Some(hash) = claim.after else { return Vec::new() };
    let text = note.to_string();
    let mut steps = vec![step(
        "The lower bound: an earlier checkpoint",
        &[
            "Before the file was hashed, this checkpoint was fetched, and its SHA-256 put into the claim. Nobody can know witnesses' \
           signatures beforehand, so the claim was not made before them. (The file may be older.)",
        ],
        vec![command(format!("{} | sha256sum", lines(&text)), format!("{hash}  -"))]
            .into_iter()
            .chain(cut(&claim.encode(), hash.as_bytes()))
            .collect(),
    )];
    steps.extend(signed(&note, policy, "earlier checkpoint"));
    steps
}
