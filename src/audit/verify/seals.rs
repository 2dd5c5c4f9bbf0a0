//! Seals as they are stored.

use super::entries::Sealed;
use super::links::Seal;
use super::run::Run;
use crate::audit::hash::{self, Hash};
use crate::audit::key::Key;
use crate::audit::row::with_varlena;
use crate::catalog;
use pgrx::{PgRelation, pg_sys};

/// Where the columns of a table of seals stand.
pub struct SealColumns([usize; 9]);

impl SealColumns {
    pub fn of(seal: &PgRelation) -> SealColumns {
        let place = |name| catalog::column(seal, name).number as usize - 1;
        SealColumns(
            [
                "chain", "sequence", "entry", "version", "columns", "leaf", "hash", "salt",
                "erased",
            ]
            .map(place),
        )
    }

    /// # Safety
    /// `values` and `nulls` are a deformed row of the table of seals.
    pub unsafe fn read(
        &self,
        values: &[pg_sys::Datum],
        nulls: &[bool],
        run: &mut Run,
    ) -> (usize, Option<Key>, Seal, Sealed) {
        let [
            chain,
            sequence,
            entry,
            version,
            columns,
            leaf,
            hash,
            salt,
            erased,
        ] = self.0;
        // SAFETY: the caller vouches for the row; the columns have the types they were made with,
        // and those read without a look at `nulls` are NOT NULL.
        unsafe {
            let bytes = |place: usize| {
                let mut bytes = Vec::new();
                if !nulls[place] {
                    with_varlena(values[place], |stored| bytes.extend_from_slice(stored));
                }
                bytes
            };
            let fixed = |place: usize| {
                let mut fixed = hash::NOTHING;
                with_varlena(values[place], |stored| fixed = hash_of(stored));
                fixed
            };
            let mut number = 0;
            with_varlena(values[chain], |name| {
                number = run.number(&String::from_utf8_lossy(name));
            });
            let seal = Seal {
                sequence: values[sequence].value() as i64,
                leaf: fixed(leaf),
                hash: fixed(hash),
            };
            let sealed = Sealed {
                chain: number,
                sequence: seal.sequence,
                version: values[version].value() as i16,
                columns: values[columns].value() as i16,
                leaf: seal.leaf,
                salt: bytes(salt),
                erased: bytes(erased),
            };
            let key_type = run.log.key.type_oid;
            let key = (!nulls[entry]).then(|| Key::from_datum(values[entry], key_type));
            (number, key, seal, sealed)
        }
    }
}

/// Bytes that are no hash are no hash that anything has.
pub fn hash_of(bytes: &[u8]) -> Hash {
    bytes.try_into().unwrap_or(hash::NOTHING)
}
