//! Who may submit, and how much: API keys, and rate limits by key or by address. All of it is off by default, and
//! reading is open to all, always.
//!
//! A caller is a key's holder where a key is sent, else an address. Each submission and each timestamp is one request, and
//! as many hashes as it has. Limits are published in `/v1/log`, and each answer says what is left (`RateLimit`,
//! draft-ietf-httpapi-ratelimit-headers-11).

mod address;
pub mod api_key;
mod denied;
pub mod key_file;
pub mod key_list;
mod keyring;
mod limiter;
mod quota;
mod table;

pub use self::{denied::Denied, key_list::Scope, limiter::Charge};

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use treering_tlog::checkpoint::Origin;

use self::{
    address::Caller,
    api_key::ApiKey,
    keyring::{BadKey, Keyring, Look},
    limiter::{Limiter, Who},
};
use crate::{
    clock::Clock,
    config::{AccessConfig, Admission},
};

/// The keys' file is looked at so often.
const LOOK: Duration = Duration::from_secs(1);

/// The peer of a request's connection, among the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Lets callers in, or not; cheap to clone.
#[derive(Clone, Debug)]
pub struct Access(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: AccessConfig,
    keys: Keyring,
    limiter: Limiter,
    clock: Arc<dyn Clock>,
    origin: Origin,
}

/// One who was let in, and the account that it is charged to.
#[derive(Debug)]
pub struct Admitted {
    access: Access,
    who: Who,
}

impl Access {
    /// Reads the keys. Blocking.
    ///
    /// # Errors
    /// The file of keys is refused.
    pub fn open(
        config: AccessConfig,
        origin: Origin,
        clock: Arc<dyn Clock>,
    ) -> Result<Access, key_file::KeyFileError> {
        let keys = Keyring::open(config.keys.clone())?;
        let limiter = Limiter::new(&config.rate_limits);
        Ok(Access(Arc::new(Shared { config, keys, limiter, clock, origin })))
    }

    /// What the operator decided.
    pub fn config(&self) -> &AccessConfig {
        &self.0.config
    }

    /// How many keys there are.
    pub fn keys(&self) -> usize {
        self.0.keys.count()
    }

    /// How many addresses are being counted.
    pub fn addresses(&self) -> usize {
        self.0.limiter.addresses()
    }

    /// Who asks, and may they? Nothing is charged yet.
    ///
    /// # Errors
    /// No key where one is needed, or one that isn't good for this.
    pub fn admit(
        &self,
        scope: Scope,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Admitted, Denied> {
        let shared = &self.0;
        let needs_key = shared.config.admission(scope) == Admission::Keys;
        let who = match bearer(headers) {
            Bearer::Key(key) => {
                let checked = shared.keys.check(&key, scope, shared.clock.now());
                Who::Key(checked.map_err(|bad| Denied::of(bad, scope))?)
            }
            Bearer::NoKey => return Err(Denied::UnknownKey),
            // Other schemes are somebody else's, of a proxy for instance.
            Bearer::Missing if needs_key => return Err(Denied::NoKey { scope }),
            Bearer::Missing => {
                // Only in tests is a request without a connection.
                let peer = extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
                Who::Address(Caller::of(peer, headers, &shared.config.trusted_proxies))
            }
        };
        Ok(Admitted { access: self.clone(), who })
    }

    /// What a client needs to hear to do better: `WWW-Authenticate` (RFC 6750 section 3) for an answer that denies.
    pub(crate) fn challenge(&self, denied: &Denied) -> Option<HeaderValue> {
        let origin = self.0.origin.as_str().replace('\\', "\\\\").replace('"', "\\\"");
        let realm = format!("Bearer realm=\"{origin}\"");
        let text = match denied {
            Denied::NoKey { .. } => realm,
            Denied::UnknownKey | Denied::ExpiredKey => format!("{realm}, error=\"invalid_token\""),
            Denied::Scope { scope } => {
                format!("{realm}, error=\"insufficient_scope\", scope=\"{}\"", scope.name())
            }
            Denied::Rate { .. } => return None,
        };
        HeaderValue::try_from(text).ok()
    }

    /// Takes changes of the keys' file as long as the log runs.
    pub async fn watch_keys(self) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let access = self.clone();
            match tokio::task::spawn_blocking(move || access.0.keys.look()).await {
                Ok(Ok(Look::Changed(count))) => tracing::info!(count, "the API keys have changed"),
                Ok(Err(error)) => tracing::error!(%error, "the API keys stay as they were"),
                // A look that panicked was told by the panic; the next one is a second away.
                Ok(Ok(Look::Same)) | Err(_) => {}
            }
        }
    }
}

impl Admitted {
    /// Takes one request and so many hashes from the account.
    ///
    /// # Errors
    /// [`Denied::Rate`]: nothing is left; then nothing is taken.
    pub fn charge(&self, hashes: u64) -> Result<Charge, Denied> {
        self.access.0.limiter.charge(self.who, hashes)
    }

    /// Says how many hashes it really were.
    pub fn settle(&self, charge: &Charge, hashes: u64) {
        self.access.0.limiter.settle(self.who, charge, hashes);
    }

    /// What is left, for an answer's headers; nothing where there is no limit.
    pub fn tell(&self, headers: &mut HeaderMap) {
        if let Some((policy, left)) = self.access.0.limiter.told(self.who) {
            headers.insert(HeaderName::from_static("ratelimit-policy"), policy);
            headers.insert(HeaderName::from_static("ratelimit"), left);
        }
    }
}

/// What stands in `Authorization`.
enum Bearer {
    Missing,
    NoKey,
    Key(ApiKey),
}

/// SPEC: RFC 6750 section 2.1, RFC 9110 section 11.4: the scheme in any case, one or more spaces.
fn bearer(headers: &HeaderMap) -> Bearer {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(header::AUTHORIZATION) { Bearer::NoKey } else { Bearer::Missing };
    };
    let value = value.as_bytes();
    let Some((scheme, rest)) = value.split_at_checked(7) else { return Bearer::Missing };
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return Bearer::Missing;
    }
    ApiKey::parse(rest.trim_ascii()).map_or(Bearer::NoKey, Bearer::Key)
}

impl Denied {
    fn of(bad: BadKey, scope: Scope) -> Denied {
        match bad {
            BadKey::Unknown => Denied::UnknownKey,
            BadKey::Expired => Denied::ExpiredKey,
            BadKey::Scope => Denied::Scope { scope },
        }
    }
}

#[cfg(test)]
mod tests;
