//! Where packs lie in the object store: `packs/<aa>/<pack id>`, `aa` being the first two digits of the id, so that
//! no folder gets too large and no prefix of a bucket too hot. `renditions/<aa>/<key>` is kept for renditions.

use object_store::path::Path;
use shelfmark_domain::hash::PackId;

/// The folder of all packs.
pub(super) const PACKS: &str = "packs";

/// The key of a pack.
pub(super) fn pack(id: &PackId) -> Path {
    let id = id.to_string();
    Path::from_iter([PACKS, &id[..2], &id])
}

/// Reads what `pack` writes; `None` for the key of anything else.
pub(super) fn parse_pack(key: &Path) -> Option<PackId> {
    let id = key.filename()?.parse().ok()?;
    (pack(&id) == *key).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_and_nothing_else_is() {
        let id = PackId::of(b"index");
        let text = id.to_string();
        assert_eq!(pack(&id).to_string(), format!("packs/{}/{text}", &text[..2]));
        assert_eq!(parse_pack(&pack(&id)), Some(id));
        for other in [format!("packs/{text}"), format!("packs/zz/{text}"), "packs/aa/x".into(), "packs".into()] {
            assert_eq!(parse_pack(&Path::from(other)), None);
        }
    }
}
