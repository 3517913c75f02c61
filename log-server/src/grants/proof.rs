//! The proof for one granted token: a tlog-proof whose first layer is the tick's tree of grants.

use crate::{
    log::{ReadError, ReceiptState},
    receipts::{self, Fresh, Wanted, unreadable},
    state::{Core, Fatal},
    store::{GrantPlace, StoreError},
};
use std::sync::atomic::Ordering;
use treering_tlog::{hash::Hash, tile::TileReader, tree};
use treering_token::layer::Layer;

/// The proof of a grant, or why there is none. Blocking.
pub(crate) fn proof(core: &Core, fresh: &Fresh, serial: &[u8; 16]) -> Result<ReceiptState, ReadError> {
    // Pending is looked at before the store: a serial leaves memory only after its row is there.
    let pending = core.grants().contains(serial);
    let place = match core.store.grant(serial).map_err(|error| unreadable(core, &error.into()))? {
        Some(place) => place,
        None if pending => return Ok(ReceiptState::Pending { retry_after: core.settings.tick }),
        None => return Ok(ReceiptState::Unknown),
    };
    if place.entry < core.retained_from.load(Ordering::SeqCst) {
        return Ok(ReceiptState::Gone);
    }
    let layer = match layer(core, fresh, &place) {
        Ok(layer) => layer,
        // Dropped while it was being read.
        Err(_) if place.entry < core.retained_from.load(Ordering::SeqCst) => return Ok(ReceiptState::Gone),
        Err(error) => return Err(unreadable(core, &error)),
    };
    // INVARIANT 5 is kept there: nothing beyond what is published. What the layer's root is not found for is damaged.
    let root = layer.root(&Hash::new(place.commitment));
    let wanted = Wanted { root, min_entry: Some(place.entry), size: None };
    let receipt = match receipts::receipt(core, fresh, wanted)? {
        ReceiptState::Ready(receipt) if receipt.index() == place.entry => receipt,
        ReceiptState::Ready(_) | ReceiptState::Unknown => {
            return Err(unreadable(core, &damaged(serial, "its entry does not have it")));
        }
        other => return Ok(other),
    };
    let token = receipt.below(layer, None, None, None);
    token
        .map(|token| ReceiptState::Ready(Box::new(token)))
        .map_err(|error| unreadable(core, &damaged(serial, error)))
}

fn layer(core: &Core, fresh: &Fresh, place: &GrantPlace) -> Result<Layer, Fatal> {
    let path = match fresh.grants(place.entry) {
        Some(tree) => tree.path(place.index),
        None => {
            let mut reader = TileReader::new(place.size, |path| {
                let missing =
                    || StoreError::Damaged { what: format!("{path} of the grants of {}", place.entry) };
                Ok::<_, StoreError>(Vec::from(core.store.grant_tile(place.entry, path)?.ok_or_else(missing)?))
            });
            let index = place.size.leaf(place.index);
            index.map(|index| tree::prove_path(&mut reader, index, place.size)).transpose()?
        }
    };
    let missing = || StoreError::Damaged { what: format!("the grants of entry {} are too few", place.entry) };
    let path = path.ok_or_else(missing)?;
    Layer::from_path(path).map_err(|error| StoreError::Damaged { what: error.to_string() }.into())
}

fn damaged(serial: &[u8; 16], what: impl ToString) -> Fatal {
    let what = format!("the grant {}: {}", hex::encode(serial), what.to_string());
    StoreError::Damaged { what }.into()
}
