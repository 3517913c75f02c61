//! What a script wants to be shown: `--before`, `--after`, `--holder`.

use crate::pins::Pins;
use treering_tlog::{hash::Hash, time::UnixSeconds};
use treering_token::{
    describe, escape,
    verify::{After, Attested, Named},
};

/// What was asked for. All of it has to hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Predicates {
    pub(crate) before: Option<UnixSeconds>,
    pub(crate) after: Option<UnixSeconds>,
    pub(crate) holder: Option<Holder>,
}

/// Whose claim it must be.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) name: String,
    /// Those that are pinned for them; if there are none, the name alone counts.
    pub(crate) keys: Vec<Hash>,
}

/// A predicate that doesn't hold: which, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error(
        "--before {} does not hold: it is only shown to have existed before {}",
        describe::seconds(*.wanted), describe::seconds(*.shown)
    )]
    Before { wanted: UnixSeconds, shown: UnixSeconds },
    #[error(
        "--before {} does not hold: the policy asks for no witness, so there is no attested time",
        describe::seconds(*.0)
    )]
    NoTime(UnixSeconds),
    #[error(
        "--after {} does not hold: its claim is only shown to be from {} or later",
        describe::seconds(*.wanted), describe::seconds(*.shown)
    )]
    After { wanted: UnixSeconds, shown: UnixSeconds },
    #[error("--after {} does not hold: nothing shows a lower bound", describe::seconds(*.0))]
    NoBound(UnixSeconds),
    #[error("--holder {} does not hold: it has no claim, or one without a holder", escape::text(.0))]
    NoHolder(String),
    #[error("--holder {} does not hold: the claim's holder is not disclosed in this token", escape::text(.0))]
    Withheld(String),
    #[error("--holder {} does not hold: the claim names {}", escape::text(.wanted), escape::text(.claimed))]
    OtherHolder { wanted: String, claimed: String },
    #[error(
        "--holder {} does not hold: the claim names them, and is not signed, though a key is pinned for them",
        escape::text(.0)
    )]
    Unsigned(String),
    #[error(
        "--holder {} does not hold: the claim names them, and is signed by the key {key}, which is not pinned for them",
        escape::text(.wanted)
    )]
    OtherKey { wanted: String, key: Hash },
}

impl Broken {
    /// A stable name, for programs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Broken::Before { .. } | Broken::NoTime(_) => "before_not_shown",
            Broken::After { .. } | Broken::NoBound(_) => "after_not_shown",
            _ => "holder_not_shown",
        }
    }
}

impl Predicates {
    pub(crate) fn new(
        before: Option<UnixSeconds>,
        after: Option<UnixSeconds>,
        holder: Option<&String>,
        pins: &Pins,
    ) -> Predicates {
        let holder = holder.map(|name| Holder { name: name.clone(), keys: pins.keys_of(name) });
        Predicates { before, after, holder }
    }

    /// Those of the two bounds that don't hold.
    pub(crate) fn bounds(&self, attested: &Attested, after: Option<&After>) -> Vec<Broken> {
        let before = self.before.and_then(|wanted| match attested.before() {
            Some(shown) if shown <= wanted => None,
            Some(shown) => Some(Broken::Before { wanted, shown }),
            None => Some(Broken::NoTime(wanted)),
        });
        let after = self.after.and_then(|wanted| match after.map(|after| after.not_before) {
            Some(shown) if shown >= wanted => None,
            Some(shown) => Some(Broken::After { wanted, shown }),
            None => Some(Broken::NoBound(wanted)),
        });
        before.into_iter().chain(after).collect()
    }

    /// Does the claim name the holder, and is it signed by a key of theirs?
    pub(crate) fn holder(&self, named: &Named, key: Option<Hash>) -> Option<Broken> {
        let Holder { name, keys } = self.holder.as_ref()?;
        let wanted = name.clone();
        match (named, key) {
            (Named::Absent, _) => Some(Broken::NoHolder(wanted)),
            (Named::Withheld, _) => Some(Broken::Withheld(wanted)),
            (Named::Disclosed(claimed), _) if claimed != name => {
                Some(Broken::OtherHolder { wanted, claimed: claimed.clone() })
            }
            _ if keys.is_empty() => None,
            (Named::Disclosed(_), None) => Some(Broken::Unsigned(wanted)),
            (Named::Disclosed(_), Some(key)) if keys.contains(&key) => None,
            (Named::Disclosed(_), Some(key)) => Some(Broken::OtherKey { wanted, key }),
        }
    }
}
