//! How much of a test is asked for: the environment gives a number, or the test takes its short form.

use std::{any, env, str::FromStr};

/// The number that this variable has, if it is there and not empty.
///
/// # Panics
/// It is something else: a long run must not become a short one over a typing error.
pub fn number<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var_os(name).filter(|text| !text.is_empty())?;
    let number = text.to_str().and_then(|text| text.parse().ok());
    Some(
        number
            .unwrap_or_else(|| panic!("{name}={}: not a number ({})", text.display(), any::type_name::<T>())),
    )
}
