//! The name of a file or folder, which is its folder's to keep.

use std::{fs::File, io, path::Path};

/// Makes a name durable. CRASH: without this a power cut could take away what has only its contents synced.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_stand_without_its_folder() {
        sync(Path::new("nobody-looks-for-it")).unwrap();
        sync(Path::new("/nobody-looks-for-it/either")).unwrap_err();
    }
}
