//! The audit extract of a pack.

use shelfmark_domain::audit::{CHAIN_START, ExtractChain, Link};

use super::archive::Archive;
use super::format::{AUDIT, AuditLine, PackHead};
use super::{PackError, ROWS_AT_ONCE, Source};
use crate::catalog::CatalogError;

/// Adds the extract: entries about the release, and gaps for the others.
pub(super) async fn add(source: &Source<'_>, archive: &mut Archive, head: PackHead) -> Result<(), PackError> {
    archive.begin(AUDIT).await?;
    let mut chain = ExtractChain::after(0, CHAIN_START);
    let broken = |why| CatalogError::Corrupt(format!("a broken audit trail: {why}"));
    let project = (source.project.number, &source.project.name);
    let mut after = 0;
    loop {
        let span = (after, head.sequence);
        let page = source.engine.catalog.audit_of_release(project, source.number(), span, ROWS_AT_ONCE).await?;
        let is_last = page.len() < ROWS_AT_ONCE as usize;
        let mut lines = Vec::new();
        for (entry, hash) in page {
            after = entry.sequence;
            let gap = chain.gap_before(&entry);
            for link in gap.into_iter().chain([Link::Entry { entry, hash }]) {
                chain.read(&link).map_err(broken)?;
                lines.push(link);
            }
        }
        if is_last {
            lines.extend(chain.gap_to((head.sequence, *head.hash.as_bytes())));
        }
        archive.records(lines.into_iter().map(AuditLine::from)).await?;
        if is_last {
            return Ok(());
        }
    }
}
