//! A key in a PKCS#11 token: SoftHSM, a smart card, a hardware security module. It never leaves the token.
//!
//! The module is loaded into this process and is trusted as this program is. Sessions are kept and shared; after an error
//! all of them are given up and the token is logged into again, once, so that a token that was reset comes back by
//! itself.

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use treering_tsa::signer::{KeyError, SignError, SignatureAlgorithm, TsaSigner, device};

/// Why a token's key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Pkcs11Error {
    /// The library can't be loaded.
    #[error("{module}: the PKCS#11 library can't be used: {source}")]
    Module {
        /// The library.
        module: PathBuf,
        /// What it says.
        source: Error,
    },
    /// No token of that label.
    #[error("{module}: no token has the label {token:?}; there are {found:?}")]
    NoToken {
        /// The library.
        module: PathBuf,
        /// What was asked for.
        token: String,
        /// The labels that there are.
        found: Vec<String>,
    },
    /// Not exactly one key pair of that label.
    #[error("the token {token:?} has {count} {kind} keys with the label {key:?}; it must be one")]
    Key {
        /// The token's label.
        token: String,
        /// The key's label.
        key: String,
        /// `private` or `public`.
        kind: &'static str,
        /// How many there are.
        count: usize,
    },
    /// The token refuses.
    #[error("the token {token:?} refuses {step}: {source}")]
    Token {
        /// The token's label.
        token: String,
        /// What was being done.
        step: &'static str,
        /// What it says.
        source: Error,
    },
    /// It has refused the PIN since the start.
    #[error("the token {token:?} has refused the login, and is not asked again before a restart")]
    Refused {
        /// The token's label.
        token: String,
    },
    /// Not a key that timestamps can be signed with.
    #[error("the key {key:?} of the token {token:?}: {source}")]
    Unfit {
        /// The token's label.
        token: String,
        /// The key's label.
        key: String,
        /// Why not.
        source: Box<KeyError>,
    },
}

impl Pkcs11Error {
    /// Is it the login that is refused?
    fn is_login(&self) -> bool {
        matches!(self, Pkcs11Error::Token { step: LOGIN, .. } | Pkcs11Error::Refused { .. })
    }
}

const LOGIN: &str = "the login";

/// A key pair in a token.
#[derive(Debug)]
pub(super) struct TokenKey {
    pkcs11: Pkcs11,
    slot: Slot,
    token: String,
    key: String,
    pin: AuthPin,
    algorithm: SignatureAlgorithm,
    public_key_info: Vec<u8>,
    open: Mutex<Option<Open>>,
    /// The token has refused the login since the start.
    refused: AtomicBool,
}

/// What is open; `None` after an error.
#[derive(Debug)]
struct Open {
    /// The login holds for all sessions, as long as one is open.
    login: Session,
    private: ObjectHandle,
    idle: Vec<Session>,
}

impl TokenKey {
    /// Logs into the token and finds the key pair.
    pub(super) fn open(module: &Path, token: &str, key: &str, pin: &str) -> Result<TokenKey, Pkcs11Error> {
        let failed = |source| Pkcs11Error::Module { module: module.to_owned(), source };
        let pkcs11 = Pkcs11::new(module).map_err(failed)?;
        match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(source) => return Err(failed(source)),
        }
        let slot = find_slot(&pkcs11, module, token)?;
        let pin = AuthPin::new(pin.into());
        let (token, key) = (token.to_owned(), key.to_owned());
        let open = Open::log_in(&pkcs11, slot, &pin, (&token, &key))?;
        let (algorithm, public_key_info) = public_key(&open.login, &token, &key)?;
        let open = Mutex::new(Some(open));
        let refused = AtomicBool::new(false);
        Ok(TokenKey { pkcs11, slot, token, key, pin, algorithm, public_key_info, open, refused })
    }

    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        let failed = |source| Pkcs11Error::Token { token: self.token.clone(), step: "signing", source };
        let (session, private) = self.session()?;
        let signature = match device::ecdsa_digest(self.algorithm, message) {
            // Every token has the mechanism without a hash; the ones with it are newer.
            Some(digest) => session.sign(&Mechanism::Ecdsa, private, &digest),
            None => session.sign(&Mechanism::Sha256RsaPkcs, private, message),
        };
        let signature = signature.map_err(failed)?;
        if let Some(open) = self.opened().as_mut() {
            open.idle.push(session);
        }
        Ok(signature)
    }

    fn session(&self) -> Result<(Session, ObjectHandle), Pkcs11Error> {
        let mut opened = self.opened();
        if opened.is_none() {
            // A token locks itself after a few wrong PINs: once it has refused one, it is not asked again.
            if self.refused.load(Ordering::SeqCst) {
                return Err(Pkcs11Error::Refused { token: self.token.clone() });
            }
            let open = Open::log_in(&self.pkcs11, self.slot, &self.pin, (&self.token, &self.key));
            if open.as_ref().is_err_and(Pkcs11Error::is_login) {
                self.refused.store(true, Ordering::SeqCst);
            }
            *opened = Some(open?);
        }
        let open = opened.as_mut().expect("logged in above");
        let session = match open.idle.pop() {
            Some(session) => session,
            None => open_session(&self.pkcs11, self.slot, &self.token)?,
        };
        Ok((session, open.private))
    }

    fn opened(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TsaSigner for TokenKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.try_sign(message).or_else(|error| {
            if self.refused.load(Ordering::SeqCst) || error.is_login() {
                return Err(error);
            }
            tracing::warn!(%error, "logging into the token again");
            *self.opened() = None;
            self.try_sign(message)
        });
        let signature = signature.map_err(|error| SignError::Device(Box::new(error)))?;
        match self.algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => Ok(signature),
            _ => device::ecdsa_signature(&signature),
        }
    }
}

impl Open {
    fn log_in(
        pkcs11: &Pkcs11,
        slot: Slot,
        pin: &AuthPin,
        (token, key): (&str, &str),
    ) -> Result<Open, Pkcs11Error> {
        let login = open_session(pkcs11, slot, token)?;
        match login.login(UserType::User, Some(pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(source) => return Err(refuses(token, LOGIN, source)),
        }
        let private = find_key(&login, ObjectClass::PRIVATE_KEY, "private", token, key)?;
        Ok(Open { login, private, idle: Vec::new() })
    }
}

fn refuses(token: &str, step: &'static str, source: Error) -> Pkcs11Error {
    Pkcs11Error::Token { token: token.to_owned(), step, source }
}

fn open_session(pkcs11: &Pkcs11, slot: Slot, token: &str) -> Result<Session, Pkcs11Error> {
    pkcs11.open_ro_session(slot).map_err(|source| refuses(token, "a session", source))
}

fn find_slot(pkcs11: &Pkcs11, module: &Path, token: &str) -> Result<Slot, Pkcs11Error> {
    let failed = |source| Pkcs11Error::Module { module: module.to_owned(), source };
    let mut found = Vec::new();
    for slot in pkcs11.get_slots_with_initialized_token().map_err(failed)? {
        let label = pkcs11.get_token_info(slot).map_err(failed)?.label().to_owned();
        if label == token {
            return Ok(slot);
        }
        found.push(label);
    }
    Err(Pkcs11Error::NoToken { module: module.to_owned(), token: token.to_owned(), found })
}

fn find_key(
    session: &Session,
    class: ObjectClass,
    kind: &'static str,
    token: &str,
    key: &str,
) -> Result<ObjectHandle, Pkcs11Error> {
    let template = [Attribute::Class(class), Attribute::Label(key.as_bytes().to_vec())];
    let found =
        session.find_objects(&template).map_err(|source| refuses(token, "looking for the key", source))?;
    match found[..] {
        [one] => Ok(one),
        _ => Err(Pkcs11Error::Key { token: token.to_owned(), key: key.to_owned(), kind, count: found.len() }),
    }
}

/// The public key, and how the pair signs.
fn public_key(
    session: &Session,
    token: &str,
    key: &str,
) -> Result<(SignatureAlgorithm, Vec<u8>), Pkcs11Error> {
    let public = find_key(session, ObjectClass::PUBLIC_KEY, "public", token, key)?;
    let unfit = |source| Pkcs11Error::Unfit {
        token: token.to_owned(),
        key: key.to_owned(),
        source: Box::new(source),
    };
    let read = |wanted: &[AttributeType]| {
        let read = session.get_attributes(public, wanted);
        read.map_err(|source| refuses(token, "reading the public key", source))
    };
    let kind = read(&[AttributeType::KeyType])?;
    let info = match kind[..] {
        [Attribute::KeyType(KeyType::EC)] => {
            match &read(&[AttributeType::EcParams, AttributeType::EcPoint])?[..] {
                [Attribute::EcParams(curve), Attribute::EcPoint(point)] => {
                    device::ec_public_key_info(curve, point)
                }
                _ => Err(KeyError::Kind),
            }
        }
        [Attribute::KeyType(KeyType::RSA)] => {
            match &read(&[AttributeType::Modulus, AttributeType::PublicExponent])?[..] {
                [Attribute::Modulus(modulus), Attribute::PublicExponent(exponent)] => {
                    device::rsa_public_key_info(modulus, exponent)
                }
                _ => Err(KeyError::Kind),
            }
        }
        _ => Err(KeyError::Kind),
    };
    let info = info.map_err(unfit)?;
    let algorithm = device::algorithm_of(&info).map_err(unfit)?;
    Ok((algorithm, info))
}
