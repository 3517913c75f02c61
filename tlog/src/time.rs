//! Times, with their unit in the type: no bare integer carries time.
//!
//! Both count from 1970-01-01T00:00:00Z as POSIX does (leap seconds are not counted) and end at 2^63−1, since the
//! field's other implementations read int64. Nothing here reads a clock.

/// Whole seconds since the epoch (POSIX: leap seconds are not counted), at most 2^63−1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// The epoch; in a cosignature: no time at all.
    pub const ZERO: UnixSeconds = UnixSeconds(0);
    /// The greatest value (tlog-cosignature: timestamps must not exceed it).
    pub const MAX: UnixSeconds = UnixSeconds(i64::MAX as u64);

    /// `None` beyond [`UnixSeconds::MAX`].
    pub const fn new(seconds: u64) -> Option<UnixSeconds> {
        if seconds <= Self::MAX.0 { Some(UnixSeconds(seconds)) } else { None }
    }

    /// The number of seconds.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Milliseconds since the epoch, at most 2^63−1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The greatest value.
    pub const MAX: UnixMillis = UnixMillis(i64::MAX as u64);

    /// `None` beyond [`UnixMillis::MAX`].
    pub const fn new(millis: u64) -> Option<UnixMillis> {
        if millis <= Self::MAX.0 { Some(UnixMillis(millis)) } else { None }
    }

    /// The number of milliseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The whole seconds, rounded down.
    pub const fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0 / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::{UnixMillis, UnixSeconds};

    #[test]
    fn times_end_at_int64() {
        let max = (1 << 63) - 1;
        assert_eq!(UnixSeconds::new(max), Some(UnixSeconds::MAX));
        assert_eq!(UnixSeconds::new(max + 1), None);
        assert_eq!(UnixMillis::new(max), Some(UnixMillis::MAX));
        assert_eq!(UnixMillis::new(u64::MAX), None);
        assert_eq!([UnixMillis::MAX.get(), UnixSeconds::MAX.get()], [max; 2]);
    }

    #[test]
    fn seconds_are_rounded_down() {
        assert_eq!(UnixMillis::new(1999).unwrap().seconds(), UnixSeconds::new(1).unwrap());
        assert_eq!(UnixMillis::new(2000).unwrap().seconds(), UnixSeconds::new(2).unwrap());
    }
}
