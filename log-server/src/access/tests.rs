//! Who is let in, by what the request carries.

use jiff::Timestamp;

use super::*;
use crate::{
    access::{key_file::edit, key_list::KeyEntry},
    clock::SystemClock,
    config::{Allowance, RateLimits},
};

struct World {
    access: Access,
    key: ApiKey,
    _folder: tempfile::TempDir,
}

fn world(submissions: Admission) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api-keys.toml");
    let key = ApiKey::generate().unwrap();
    let entry = KeyEntry {
        id: key.id(),
        name: "a".to_owned(),
        hash: key.hash(),
        scopes: vec![Scope::Submit],
        added: Timestamp::UNIX_EPOCH,
        expires: None,
    };
    edit(&path, |keys| {
        keys.push(entry);
        Ok(())
    })
    .unwrap();
    let none = Allowance { requests: None, hashes: None };
    let config = AccessConfig {
        submissions,
        timestamps: submissions,
        keys: path,
        trusted_proxies: Vec::new(),
        rate_limits: RateLimits { window: LOOK, address: none, key: none, max_addresses: 10 },
    };
    let origin = Origin::new("log.example/a").unwrap();
    let access = Access::open(config, origin, Arc::new(SystemClock::new())).unwrap();
    World { access, key, _folder: folder }
}

impl World {
    fn admit(&self, scope: Scope, authorization: &[&str]) -> Result<Who, Denied> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        self.access.admit(scope, &headers, &Extensions::new()).map(|admitted| admitted.who)
    }

    fn challenge(&self, denied: Denied) -> String {
        self.access.challenge(&denied).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    }
}

#[test]
fn an_open_log_takes_all_and_knows_its_keys() {
    let world = world(Admission::Open);
    let text = world.key.to_text();
    assert!(matches!(world.admit(Scope::Submit, &[]), Ok(Who::Address(_))));
    assert!(matches!(world.admit(Scope::Submit, &["Basic dXNlcjpwYXNz"]), Ok(Who::Address(_))));
    let bearer = format!("bEARER  {}", *text);
    assert_eq!(world.admit(Scope::Submit, &[&bearer]), Ok(Who::Key(world.key.id())));
    // Who sends a key wants to be known by it: a wrong one is told, not passed over.
    assert_eq!(world.admit(Scope::Submit, &["Bearer treering_x"]), Err(Denied::UnknownKey));
}

#[test]
fn a_closed_log_takes_keys_only() {
    let world = world(Admission::Keys);
    let bearer = format!("Bearer {}", *world.key.to_text());
    assert_eq!(world.admit(Scope::Submit, &[]), Err(Denied::NoKey { scope: Scope::Submit }));
    assert_eq!(world.admit(Scope::Submit, &["Basic a"]), Err(Denied::NoKey { scope: Scope::Submit }));
    assert_eq!(world.admit(Scope::Submit, &["Bearer"]), Err(Denied::NoKey { scope: Scope::Submit }));
    assert_eq!(world.admit(Scope::Submit, &[&bearer]), Ok(Who::Key(world.key.id())));
    assert_eq!(world.admit(Scope::Submit, &[&bearer, &bearer]), Err(Denied::UnknownKey));
    let stranger = format!("Bearer {}", *ApiKey::generate().unwrap().to_text());
    assert_eq!(world.admit(Scope::Submit, &[&stranger]), Err(Denied::UnknownKey));
    assert_eq!(world.admit(Scope::Timestamp, &[&bearer]), Err(Denied::Scope { scope: Scope::Timestamp }));
}

#[test]
fn a_refusal_says_what_would_be_right() {
    let world = world(Admission::Keys);
    let realm = "Bearer realm=\"log.example/a\"";
    assert_eq!(world.challenge(Denied::NoKey { scope: Scope::Submit }), realm);
    assert_eq!(world.challenge(Denied::ExpiredKey), format!("{realm}, error=\"invalid_token\""));
    assert_eq!(
        world.challenge(Denied::Scope { scope: Scope::Timestamp }),
        format!("{realm}, error=\"insufficient_scope\", scope=\"timestamp\"")
    );
}

#[test]
fn nothing_that_is_printed_holds_a_key() {
    let world = world(Admission::Keys);
    let shown = format!("{:?}", world.access);
    assert!(!shown.contains(&world.key.to_text()[26..]));
}
