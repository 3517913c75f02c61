//! Trees of files whose bytes are the same on every machine, and look like noise.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Files in one directory.
const A_DIRECTORY: usize = 100;
/// Bytes made at once.
const PIECE: u64 = 1 << 20;

/// What a tree is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) files: usize,
    /// Bytes of the smallest file, and of the largest.
    pub(super) least: u64,
    pub(super) most: u64,
    /// How many files one openssl is given: few enough that all cores have some.
    pub(super) at_once: usize,
}

impl Shape {
    /// In words.
    pub(super) fn describe(&self) -> String {
        let Shape { files, least, most, .. } = self;
        let (unit, word) = if *least < 1 << 20 { (10, "KiB") } else { (20, "MiB") };
        match (least >> unit, most >> unit) {
            (least, most) if least == most => format!("{files} × {most} {word}"),
            (least, most) => format!("{files} × {least}–{most} {word}"),
        }
    }

    /// Makes it below `dir`, unless it is there already from an earlier run.
    pub(super) fn make(&self, dir: &Path) -> io::Result<PathBuf> {
        let tree = dir.join(self.name);
        // Written last, so that a tree which was never finished is made anew.
        let made = dir.join(format!("{}.made", self.name));
        if fs::read_to_string(&made).is_ok_and(|shape| shape == self.describe()) {
            return Ok(tree);
        }
        fs::create_dir_all(dir)?;
        // INVARIANT: what is in the way and wasn't made here is not removed: this fails.
        fs::create_dir(&tree)?;
        let mut noise = Noise(1);
        for n in 0..self.files {
            let directory = tree.join(format!("{:04}", n / A_DIRECTORY));
            if n % A_DIRECTORY == 0 {
                fs::create_dir(&directory)?;
            }
            let size = self.least + noise.next() % (self.most - self.least + 1);
            noise.write(&mut File::create(directory.join(format!("{n:06}")))?, size)?;
        }
        fs::write(made, self.describe())?;
        Ok(tree)
    }
}

/// Pseudo-random numbers (splitmix64): no secret hangs on them.
#[derive(Debug)]
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn write(&mut self, file: &mut File, size: u64) -> io::Result<()> {
        let mut left = size;
        while left > 0 {
            let count = left.min(PIECE);
            let piece: Vec<u8> = (0..count.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
            let count_here = usize::try_from(count).expect("at most a piece");
            file.write_all(&piece[..count_here])?;
            left -= count;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { name: "t", files: 150, least: 3, most: 9, at_once: 1 };

    #[test]
    fn a_tree_has_its_files_and_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let tree = SHAPE.make(dir.path()).unwrap();
        let second = fs::read(tree.join("0001/000149")).unwrap();
        assert!((3..=9).contains(&second.len()));
        assert_eq!(fs::read_dir(tree.join("0000")).unwrap().count(), A_DIRECTORY);
        fs::write(tree.join("0001/000149"), "mine").unwrap();
        SHAPE.make(dir.path()).unwrap();
        assert_eq!(fs::read(tree.join("0001/000149")).unwrap(), b"mine", "it was there already");
        let other = Shape { files: 7, ..SHAPE };
        assert!(other.make(dir.path()).is_err(), "another shape's tree is in the way");
    }

    #[test]
    fn the_same_bytes_come_again() {
        let make = || {
            let dir = tempfile::tempdir().unwrap();
            let tree = SHAPE.make(dir.path()).unwrap();
            (0..100).map(|n| fs::read(tree.join(format!("0000/{n:06}"))).unwrap()).collect::<Vec<_>>()
        };
        let bytes = make();
        assert_eq!(bytes, make());
        assert_ne!(bytes[0], bytes[1]);
    }
}
