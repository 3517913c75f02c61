//! Evidence files (Treering spec, evidence): what `treering-witness evidence` judges, for whoever doubts.

use super::joined;
use minicbor::Encoder;
use treering_tlog::{hash::Hash, note::Note, tile::TilePath};

/// One file's parts.
#[derive(Debug)]
pub(crate) struct Evidence {
    kind: &'static str,
    source: String,
    notes: Vec<String>,
    hashes: Vec<u8>,
    served: Option<(String, Vec<u8>)>,
    number: u64,
}

impl Evidence {
    /// Two checkpoints of which the first is not the second's beginning: `hashes` are those of `peaks(m) ‖ cover(m, n)`.
    pub(super) fn fork(
        older: &Note,
        newest: &Note,
        same_size: bool,
        hashes: Vec<Hash>,
        url: &str,
    ) -> Evidence {
        Evidence {
            kind: if same_size { "split_view" } else { "inconsistent" },
            source: source(url),
            notes: vec![older.to_string(), newest.to_string()],
            hashes: if same_size { Vec::new() } else { joined(&hashes) },
            served: None,
            number: 0,
        }
    }

    /// An entry bundle without an entry whose hash is in the tree.
    pub(super) fn entry(
        newest: &Note,
        index: u64,
        leaf: Hash,
        path: &[Hash],
        tile: TilePath,
        bytes: &[u8],
        url: &str,
    ) -> Evidence {
        Evidence {
            kind: "wrong_entry",
            source: source(url),
            notes: vec![newest.to_string()],
            hashes: joined(&[&[leaf], path].concat()),
            served: Some((tile.to_string(), bytes.to_vec())),
            number: index,
        }
    }

    /// The file's bytes; `observed_at` is in milliseconds.
    pub(crate) fn encode(&self, observed_at: u64) -> Vec<u8> {
        let mut out = Encoder::new(Vec::new());
        let written = (|| {
            out.array(9)?.str("treering.evidence/1")?.str(self.kind)?.u64(observed_at)?.str(&self.source)?;
            out.array(self.notes.len() as u64)?;
            for note in &self.notes {
                out.bytes(note.as_bytes())?;
            }
            out.bytes(&self.hashes)?.array(0)?.array(u64::from(self.served.is_some()))?;
            if let Some((path, bytes)) = &self.served {
                out.array(2)?.str(path)?.bytes(bytes)?;
            }
            out.u64(self.number)?;
            Ok::<_, minicbor::encode::Error<std::convert::Infallible>>(())
        })();
        written.expect("a vector takes everything");
        out.into_writer()
    }
}

fn source(url: &str) -> String {
    let mut source = format!("treering audit --from {url}");
    // The spec's limit, on a boundary of characters.
    while source.len() > 2_048 {
        source.pop();
    }
    source
}
