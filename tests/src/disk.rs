//! A file system of its own on a loop device, whose power can be cut: what was not on the disk is lost.
//!
//! `kill -9` leaves the page cache as it is, so it passes a program that never syncs. The shutdown ioctl of ext4 without a
//! flush of its log is what a power cut is: writes that were not synced are gone, and so are names of files in directories
//! that were not.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::log::shown;

/// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
const CUT: &str = "open(my $place, '<', $ARGV[0]) or die $!; my $flags = pack('L', 2); \
                   ioctl($place, 0x8004587D, $flags) or die $!;";

/// A file system on an image, mounted at a directory.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    place: PathBuf,
}

impl Disk {
    /// Why there can be none here.
    ///
    /// # Errors
    /// In words.
    pub fn is_possible() -> Result<(), String> {
        let tools = [("mkfs.ext4", "-V"), ("mount", "-V"), ("perl", "-v")];
        for (tool, argument) in tools {
            if !crate::programs::has_tool(tool, argument) {
                return Err(format!("{tool} is not installed"));
            }
        }
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let probe = dir.path().join("probe");
        Disk::try_new(dir.path(), &probe).map(drop)
    }

    /// An empty file system, mounted at a new directory; its image lies in `dir`.
    ///
    /// # Panics
    /// If it can't be made: see [`Disk::is_possible`].
    pub fn new(dir: &Path, place: &Path) -> Disk {
        Disk::try_new(dir, place).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_new(dir: &Path, place: &Path) -> Result<Disk, String> {
        let name = place.file_name().ok_or("a place has a name")?.to_string_lossy().into_owned();
        let image = dir.join(format!("{name}.image"));
        let file = std::fs::File::create_new(&image).map_err(|error| error.to_string())?;
        file.set_len(512 << 20).map_err(|error| error.to_string())?;
        std::fs::create_dir(place).map_err(|error| error.to_string())?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image))?;
        let disk = Disk { image, place: place.to_owned() };
        disk.mount()?;
        // Whoever wants an empty directory finds one.
        std::fs::remove_dir(place.join("lost+found")).map_err(|error| error.to_string())?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// How many bytes may still be written to it.
    ///
    /// # Panics
    /// If it can't be asked.
    pub fn free(&self) -> u64 {
        let system = rustix::fs::statvfs(&self.place).expect("a mounted file system");
        system.f_bavail * system.f_frsize
    }

    /// Has everything on the disk that was written to it: what a test prepares is not to be lost.
    ///
    /// # Panics
    /// If it can't.
    pub fn sync(&self) {
        let place = std::fs::File::open(&self.place).expect("a directory");
        rustix::fs::syncfs(&place).expect("a disk with power");
    }

    /// Cuts the power: from now on nothing reaches the disk, and every write is an error.
    ///
    /// # Panics
    /// If it can't be cut.
    pub fn cut(&self) {
        run(Command::new("perl").args(["-e", CUT]).arg(&self.place))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// The power is back. Nothing may have a file of it open any more.
    ///
    /// # Panics
    /// If it can't be mounted again.
    pub fn power_on(&self) {
        let again = self.unmount().and_then(|()| self.mount());
        again.unwrap_or_else(|error| panic!("{error}"));
    }

    fn mount(&self) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.place))
    }

    fn unmount(&self) -> Result<(), String> {
        run(Command::new("umount").arg(&self.place))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What still has a file open is about to be ended; the file system goes with it.
        let _ = run(Command::new("umount").arg("-l").arg(&self.place));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", shown(&output))) }
}
