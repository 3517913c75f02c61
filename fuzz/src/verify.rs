//! Forging tokens: a good one is changed, and what still verifies must not show more than the good one did.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use treering_tlog::{
    hash::{Hash, sha256},
    note::{Note, Signature},
    policy::Policy,
    proof::TlogProof,
    time::UnixSeconds,
};
use treering_token::{
    commitment::Commitment,
    describe,
    digest::{Digester, Digests},
    token::Token,
    verify::{Attested, ClaimShown, Named, Verified, Verifier},
};

use crate::vectors::{self, TOKENS};

/// The input says which good token is taken, and how it is changed.
pub fn verify_token(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    let Ok((good, which, forged)) = forge(&mut input) else { return };
    let verifier = good.verifier();
    let mut tokens: Vec<&[u8]> = good.tokens.iter().map(Vec::as_slice).collect();
    tokens[which] = &forged;
    match &good.shown {
        Shown::Files(shown) => {
            if let Ok(verified) = verifier.chain(&tokens, &good.digests(&tokens)) {
                assert_eq!(verified.len(), shown.len());
                verified
                    .iter()
                    .zip(shown)
                    .for_each(|(verified, shown)| shows_no_more(verified, shown, &good.file));
            }
        }
        Shown::Root(root, shown) => {
            if let Ok(token) = Token::parse(&forged)
                && let Ok(attested) = verifier.receipt(&token, root)
            {
                attests_no_more(&attested, shown);
            }
        }
    }
    // Whatever it is evidence for, it is none for another file.
    if let Ok(token) = Token::parse(&forged) {
        let mut digester = Digester::new(&token.digest_ids());
        digester.update(b"some other file");
        assert!(verifier.token(&token, &digester.finish()).is_err());
    }
}

/// A token that verifies, or several of which one renews the other.
struct Good {
    policy: Policy,
    now: UnixSeconds,
    tokens: Vec<Vec<u8>>,
    file: Vec<u8>,
    shown: Shown,
}

enum Shown {
    Files(Vec<Verified>),
    Root(Commitment, Box<Attested>),
}

static GOOD: LazyLock<Vec<Good>> = LazyLock::new(|| TOKENS.good.iter().map(Good::new).collect());

impl Good {
    fn new(case: &vectors::Case) -> Good {
        let bytes = |text: &str| hex::decode(text).expect("hex");
        let mut good = Good {
            policy: Policy::parse(TOKENS.policies[&case.policy].as_bytes()).expect("a policy"),
            now: UnixSeconds::new(case.now).expect("a time"),
            tokens: case.tokens.iter().map(|text| text.as_bytes().to_vec()).collect(),
            file: case.file.as_deref().map(bytes).unwrap_or_default(),
            shown: Shown::Files(Vec::new()),
        };
        good.shown = match &case.root {
            Some(root) => {
                let root = Commitment(Hash::from_hex(root).expect("32 bytes"));
                let token = Token::parse(&good.tokens[0]).expect("a receipt");
                Shown::Root(root, Box::new(good.verifier().receipt(&token, &root).expect("a good receipt")))
            }
            None => {
                let tokens: Vec<&[u8]> = good.tokens.iter().map(Vec::as_slice).collect();
                Shown::Files(good.verifier().chain(&tokens, &good.digests(&tokens)).expect("a good token"))
            }
        };
        good
    }

    fn verifier(&self) -> Verifier<'_> {
        Verifier { policy: &self.policy, now: self.now }
    }

    /// Those of the file that the oldest token asks for.
    fn digests(&self, tokens: &[&[u8]]) -> Digests {
        let oldest = tokens.last().and_then(|bytes| Token::parse(bytes).ok());
        let mut digester = Digester::new(&oldest.map(|token| token.digest_ids()).unwrap_or_default());
        digester.update(&self.file);
        digester.finish()
    }
}

/// A good case, which of its tokens is changed, and the changed one.
fn forge(input: &mut Unstructured<'_>) -> Result<(&'static Good, usize, Vec<u8>)> {
    let good = input.choose(&GOOD)?;
    let which = input.choose_index(good.tokens.len())?;
    let proof = TlogProof::parse(&good.tokens[which]).expect("it verifies");
    let mut draft = Draft::of(proof);
    for _ in 0..input.int_in_range(0..=4)? {
        draft.change(input)?;
    }
    let mut text = draft.print();
    if input.ratio(1, 4)? {
        splice(&mut text, input)?;
    }
    Ok((good, which, text))
}

/// The parts of a token, to be changed one by one.
struct Draft {
    extra: Vec<u8>,
    index: u64,
    path: Vec<Hash>,
    body: String,
    lines: Vec<Signature>,
}

impl Draft {
    fn of(proof: TlogProof) -> Draft {
        Draft {
            extra: proof.extra.unwrap_or_default(),
            index: proof.index,
            path: proof.path,
            body: proof.checkpoint.text().to_owned(),
            lines: proof.checkpoint.signatures().to_vec(),
        }
    }

    fn change(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        match input.int_in_range(0..=10)? {
            0 => flip(&mut self.extra, input)?,
            1 => splice(&mut self.extra, input)?,
            2 => self.index = input.arbitrary()?,
            3 => self.index ^= 1 << input.int_in_range(0..=6)?,
            4 if !self.path.is_empty() => {
                let at = input.choose_index(self.path.len())?;
                self.path.remove(at);
            }
            5 => {
                let at = input.int_in_range(0..=self.path.len())?;
                self.path.insert(at, Hash::new(input.arbitrary()?));
            }
            6 if !self.lines.is_empty() => {
                let at = input.choose_index(self.lines.len())?;
                self.lines.remove(at);
            }
            7 if !self.lines.is_empty() => {
                let (from, to) =
                    (input.choose_index(self.lines.len())?, input.choose_index(self.lines.len())?);
                self.lines.insert(to, self.lines[from].clone());
            }
            8 if !self.lines.is_empty() => {
                let at = input.choose_index(self.lines.len())?;
                let line = &self.lines[at];
                let mut bytes = line.bytes().to_vec();
                splice(&mut bytes, input)?;
                self.lines[at] = Signature::new(line.name().clone(), line.id(), bytes);
            }
            9 => self.lines.extend(lines_of_others(&self.body, input)?),
            _ => {
                let mut body = std::mem::take(&mut self.body).into_bytes();
                splice(&mut body, input)?;
                self.body = String::from_utf8_lossy(&body).into_owned();
            }
        }
        Ok(())
    }

    /// As text; without the checkpoint where it is no note any more.
    fn print(self) -> Vec<u8> {
        let Draft { extra, index, path, body, lines } = self;
        match Note::new(&body, lines) {
            Ok(checkpoint) => {
                TlogProof { extra: Some(extra), index, path, checkpoint }.to_string().into_bytes()
            }
            Err(_) => Vec::new(),
        }
    }
}

/// Genuine lines of the same keys, over another checkpoint.
fn lines_of_others(body: &str, input: &mut Unstructured<'_>) -> Result<Vec<Signature>> {
    let other = TlogProof::parse(&input.choose(&GOOD)?.tokens[0]).expect("it verifies").checkpoint;
    Ok(if other.text() == body { Vec::new() } else { other.signatures().to_vec() })
}

/// Changes one byte, so that lengths stay right.
fn flip(bytes: &mut [u8], input: &mut Unstructured<'_>) -> Result<()> {
    if !bytes.is_empty() {
        let at = input.choose_index(bytes.len())?;
        bytes[at] ^= input.int_in_range(1..=255)?;
    }
    Ok(())
}

/// Takes out up to eight bytes somewhere, and puts up to eight others there.
fn splice(bytes: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<()> {
    let at = input.int_in_range(0..=bytes.len())?;
    let out = input.int_in_range(0..=(bytes.len() - at).min(8))?;
    let new = input.int_in_range(0..=8)?;
    let new = input.bytes(usize::min(new, input.len()))?.to_vec();
    bytes.splice(at..at + out, new);
    Ok(())
}

fn shows_no_more(verified: &Verified, good: &Verified, file: &[u8]) {
    describe::verified(verified);
    assert_eq!(verified.commitment, good.commitment);
    attests_no_more(&verified.attested, &good.attested);
    match (&verified.claim, &good.claim) {
        (None, None) => {}
        (Some(claim), Some(good)) => claims_no_more(claim, good),
        (claim, good) => panic!("{claim:?} where the good token shows {good:?}"),
    }
    assert_eq!((&verified.after, verified.after_unjudged), (&good.after, good.after_unjudged));
    // That a token renews what it is of is true of every token, so anybody may add it.
    let renews = verified.renews;
    assert!(renews.is_none() || renews == good.renews || renews == Some(sha256(file)), "{renews:?}");
}

fn attests_no_more(attested: &Attested, good: &Attested) {
    let fixed = |a: &Attested| (a.origin.clone(), a.index, a.tree_size, a.sealed_at, a.submissions);
    assert_eq!(fixed(attested), fixed(good));
    match (attested.upper, good.upper) {
        (None, None) => {}
        (Some(upper), Some(good)) => {
            assert!(upper.time >= good.time, "{upper:?} is before {good:?}");
            assert_eq!((upper.of, upper.would_have_to_lie), (good.of, good.would_have_to_lie));
        }
        (upper, good) => panic!("{upper:?} where the good token shows {good:?}"),
    }
    assert!(attested.witnesses.iter().all(|witness| good.witnesses.contains(witness)));
    assert!(attested.in_future.iter().all(|witness| good.in_future.contains(witness)));
}

fn claims_no_more(claim: &ClaimShown, good: &ClaimShown) {
    let is_less =
        |name: &Named, good: &Named| name == good || (*name == Named::Withheld && *good != Named::Absent);
    assert!(is_less(&claim.holder, &good.holder) && is_less(&claim.agent, &good.agent));
    assert_eq!((&claim.title, &claim.key), (&good.title, &good.key));
    assert_eq!((&claim.checked, &claim.unchecked), (&good.checked, &good.unchecked));
}
