//! Signed checkpoints, and the cosignatures on them.

use super::{Case, Rows, line, of_size};
use crate::sample::{self, Sample, cosignature};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    hash::Hash,
    note::{KeyName, Note, SigningKey},
    tree::TreeHead,
};

/// Signs a checkpoint of size 2 that says something else.
fn put_signed(rows: &Rows, sample: &Sample, change: impl FnOnce(&mut Checkpoint), key: &SigningKey) {
    let mut checkpoint = sample.checkpoint(2);
    change(&mut checkpoint);
    rows.put("checkpoints", of_size(b's', 2), checkpoint.sign(key).to_string());
}

fn put_refreshed(rows: &Rows, note: &Note) {
    rows.put("meta", b"refreshed", note.to_string());
}

fn stranger(name: &str) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), &[99; 32])
}

pub(super) const CASES: &[Case] = &[
    (
        "a checkpoint is no note",
        |rows, _| rows.put("checkpoints", of_size(b's', 2), "what"),
        &[
            ("checkpoint 2", "the store is damaged: the signed checkpoint of size 2: *"),
            ("store", "the store is damaged: the signed checkpoint of size 2: *"),
        ],
    ),
    (
        "a checkpoint's signature is forged",
        |rows, sample| put_signed(rows, sample, |_| {}, &stranger(sample.origin.as_str())),
        &[("checkpoint 2", "no key of the log has signed this checkpoint")],
    ),
    (
        "a checkpoint is another log's",
        |rows, sample| {
            let other =
                |checkpoint: &mut Checkpoint| checkpoint.origin = Origin::new("log.example/other").unwrap();
            put_signed(rows, sample, other, &stranger("log.example/other"));
        },
        &[(
            "checkpoint 2",
            "the checkpoint is of the log \"log.example/other\", not of \"log.example/sample\"",
        )],
    ),
    (
        "a checkpoint has another root",
        |rows, sample| {
            put_signed(rows, sample, |checkpoint| checkpoint.head.root = Hash::new([7; 32]), &sample::key());
        },
        &[
            ("checkpoint 2", "has the root *, the entries have *"),
            ("checkpoint 2", "the cosignature of w0: the cosignature does not verify"),
            ("checkpoint 2", "the cosignature of w1: the cosignature does not verify"),
        ],
    ),
    (
        "a checkpoint is of another size than its row",
        |rows, sample| {
            put_signed(rows, sample, |checkpoint| checkpoint.head = sample.heads[3], &sample::key());
        },
        &[
            ("checkpoint 2", "has the root *, the entries have *"),
            ("checkpoint 2", "the cosignature of w0: the cosignature does not verify"),
            ("checkpoint 2", "the cosignature of w1: the cosignature does not verify"),
        ],
    ),
    (
        "a checkpoint is of a size that the log never had",
        |rows, sample| {
            let head = TreeHead { size: sample::size(300), root: Hash::new([7; 32]) };
            let checkpoint = Checkpoint { head, ..sample.checkpoint(2) };
            rows.put("checkpoints", of_size(b's', 300), checkpoint.sign(&sample::key()).to_string());
        },
        &[("checkpoint 300", "is signed, but the log does not have that many entries")],
    ),
    (
        "a published checkpoint isn't there",
        |rows, _| rows.put("checkpoints", of_size(b'p', 3), ""),
        &[("checkpoint 3", "is published, but not there")],
    ),
    (
        "a cosignature is forged",
        |rows, sample| {
            let other = cosignature("w0", &sample.checkpoint(3), 1);
            rows.put("checkpoints", line(2, &other), other.to_string());
        },
        &[("checkpoint 2", "the cosignature of w0: the cosignature does not verify")],
    ),
    (
        "a cosignature is no line",
        |rows, sample| {
            let other = cosignature("w0", &sample.checkpoint(2), 1);
            rows.put("checkpoints", line(2, &other), "what");
        },
        &[
            ("checkpoint 2", "the store is damaged: a cosignature of size 2"),
            ("store", "the store is damaged: a cosignature of size 2"),
        ],
    ),
    (
        "a row has no size",
        |rows, _| rows.put("checkpoints", b"s12", ""),
        &[("store", "the store is damaged: the checkpoint's key 733132")],
    ),
    (
        "the refreshed checkpoint is no note",
        |rows, _| rows.put("meta", b"refreshed", "what"),
        &[("store", "the store is damaged: the refreshed checkpoint: *")],
    ),
    (
        "the refreshed checkpoint's signature is forged",
        |rows, sample| {
            let checkpoint = sample.checkpoint(258);
            put_refreshed(rows, &checkpoint.sign(&stranger(sample.origin.as_str())));
        },
        &[("the refreshed checkpoint", "no key of the log has signed this checkpoint")],
    ),
    (
        "the refreshed checkpoint has another root",
        |rows, sample| {
            let mut checkpoint = sample.checkpoint(258);
            checkpoint.head.root = Hash::new([7; 32]);
            put_refreshed(rows, &sample.note(&checkpoint, 1_000));
        },
        &[("the refreshed checkpoint", "is not the newest one that was published")],
    ),
    (
        "the refreshed checkpoint is of a size that was not published",
        |rows, sample| put_refreshed(rows, &sample.note(&sample.checkpoint(3), 1_000)),
        &[("the refreshed checkpoint", "is not the newest one that was published")],
    ),
    (
        "the refreshed checkpoint is of a former head",
        |rows, sample| put_refreshed(rows, &sample.note(&sample.checkpoint(2), 1_000)),
        &[("the refreshed checkpoint", "is not the newest one that was published")],
    ),
    (
        "a cosignature of the refreshed checkpoint is forged",
        |rows, sample| {
            let signed = sample.checkpoint(258).sign(&sample::key());
            let other = cosignature("w1", &sample.checkpoint(3), 1_000);
            let lines = signed.signatures().iter().cloned().chain([other]).collect();
            put_refreshed(rows, &Note::new(signed.text(), lines).unwrap());
        },
        &[("the refreshed checkpoint", "the cosignature of w1: the cosignature does not verify")],
    ),
];
