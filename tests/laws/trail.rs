//! The audit trail: everything that changed something is in it, and no edit of it goes unseen.

use shelfmark_domain::audit::{AuditEntry, BrokenChain, ChainVerifier};
use shelfmark_engine::operations::{Expect, Move, edit_metadata, move_assets, remove, undelete};

use super::ground::Ground;
use crate::laws::assets::tars::tar_of;
use crate::laws::ground::chance::Chance;
use crate::laws::ground::site::{Site, of};

laws![every_change_is_in_the_trail_and_nothing_else, every_edit_of_the_trail_is_found];

type Chain = Vec<(AuditEntry, Vec<u8>)>;

async fn chain(site: &Site) -> Chain {
    site.engine.catalog.audit_chain(0, 10_000).await.unwrap()
}

fn verify(chain: &Chain, head: &(i64, Vec<u8>)) -> Result<u64, BrokenChain> {
    let mut verifier = ChainVerifier::default();
    chain.iter().try_for_each(|(entry, hash)| verifier.read(entry, hash))?;
    verifier.finish(head.0, &head.1)
}

/// One of nearly everything that changes something.
async fn work(site: &Site) {
    let asset = site.put("a", "1").await.asset.unwrap().id;
    site.put("a", "2").await;
    site.put("a", "2").await; // changes nothing
    site.batch(tar_of([("b", &b"3"[..]), ("c", b"4")])).await.unwrap();
    let what = Move::Asset { from: of("b"), to: of("d") };
    move_assets(&site.engine, site.caller(), &site.name, what, "moved".into()).await.unwrap();
    let metadata = shelfmark_domain::metadata::Metadata { title: Some("A".into()), ..Default::default() };
    edit_metadata(&site.engine, site.caller(), &site.name, asset, metadata, Expect::Anything, "".into()).await.unwrap();
    remove(&site.engine, site.caller(), &site.name, of("a"), Expect::Anything, "gone".into()).await.unwrap();
    undelete(&site.engine, site.caller(), &site.name, asset, None).await.unwrap();
    for _ in 0..2 {
        site.put("a", format!("{}", site.row().await.asset_revision)).await;
        let build = site.build_latest().await;
        site.promote("production", build.name).await;
        site.promote("production", build.name).await; // changes nothing
    }
    site.roll_back("production").await;
}

async fn every_change_is_in_the_trail_and_nothing_else(ground: &Ground) {
    work(ground).await;
    let actions: Vec<String> = chain(ground).await.into_iter().map(|(entry, _)| entry.action).collect();
    let release = ["release.created", "release.changes_added", "release.built", "environment.promoted"];
    let mut expected = vec!["project.created", "asset.put", "asset.put", "assets.imported", "assets.moved"];
    expected.extend(["asset.edited", "asset.removed", "asset.undeleted"]);
    for _ in 0..2 {
        expected.push("asset.put");
        expected.extend(release);
    }
    expected.push("environment.rolled_back");
    assert_eq!(actions, expected);
    let listed = ground.engine.catalog.audit_entries(Some("site"), None, 3).await.unwrap();
    assert_eq!(listed.items[0].sequence, expected.len() as i64);
    assert!(listed.next.is_some());
}

async fn every_edit_of_the_trail_is_found(ground: &Ground) {
    work(ground).await;
    let (whole, head) = (chain(ground).await, ground.engine.catalog.audit_head().await.unwrap());
    assert_eq!(verify(&whole, &head), Ok(head.0 as u64));
    let mut chance = Chance::new();
    for _ in 0..2_000 {
        let mut edited = whole.clone();
        let (at, other) = (chance.below(whole.len()), chance.below(whole.len()));
        let (entry, hash) = &mut edited[at];
        match chance.below(12) {
            0 => entry.actor.push(' '),
            1 => entry.actor_name = "Eve".into(),
            2 => entry.action.clear(),
            3 => entry.project.push('x'),
            4 => entry.subject.insert(0, '/'),
            5 => entry.message.push('!'),
            6 => entry.details = "{}x".into(),
            7 => entry.at = entry.at.plus_ms(1),
            8 => entry.previous[chance.below(32)] ^= 1 << chance.below(8),
            9 => hash[chance.below(32)] ^= 1 << chance.below(8),
            10 => drop(edited.remove(at)),
            _ if at == other => edited.truncate(at),
            _ => edited.swap(at, other),
        }
        assert!(verify(&edited, &head).is_err(), "an edit at {at}");
    }
    // Also one that rewrites the hashes of all that follows: the head does not fit.
    let mut forged = whole;
    forged[2].0.message = "never said".into();
    let mut previous = forged[1].0.hash();
    for (entry, hash) in &mut forged[2..] {
        entry.previous = previous;
        previous = entry.hash();
        *hash = previous.to_vec();
    }
    assert!(matches!(verify(&forged, &head), Err(BrokenChain::Truncated { .. })));
}
