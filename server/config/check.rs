//! Whether the settings can be meant.

use super::{Config, InvalidConfig, StoreKind};

/// A setting, and what would be right.
type Fault = (&'static str, &'static str);

impl Config {
    /// Whether every setting can be meant.
    ///
    /// # Errors
    /// The first that can't.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        let fault = self.fault_of_spans().or_else(|| self.fault_of_notifications());
        match fault.or_else(|| self.fault_of_limits()).or_else(|| self.fault_of_places()) {
            None => Ok(()),
            Some((key, why)) => {
                Err(InvalidConfig::Wrong { origin: "settings".into(), key: key.into(), why: why.into() })
            }
        }
    }

    fn fault_of_spans(&self) -> Option<Fault> {
        let not_negative = [
            ("store.grace_hours", self.store.grace_hours),
            ("store.readers_seconds", self.store.readers_seconds),
            ("limits.content_gib", self.limits.content_gib),
            ("limits.batch_gib", self.limits.batch_gib),
            ("auth.token_memory_seconds", self.auth.token_memory_seconds),
            ("auth.idempotency_hours", self.auth.idempotency_hours),
            ("jobs.collect_every_hours", self.jobs.collect_every_hours),
            ("jobs.references_every_seconds", self.jobs.references_every_seconds),
            ("events.keep_days", self.events.keep_days),
            ("jobs.schedule_deadline_minutes", self.jobs.schedule_deadline_minutes),
            ("jobs.refused_seconds", self.jobs.refused_seconds),
            ("jobs.verify_again_seconds", self.jobs.verify_again_seconds),
        ];
        if let Some((key, _)) = not_negative.iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return Some((key, "give a number of 0 or more"));
        }
        let some_time = [
            ("jobs.look_every_seconds", self.jobs.look_every_seconds),
            ("jobs.lease_seconds", self.jobs.lease_seconds),
            ("outbound.connect_seconds", self.outbound.connect_seconds),
            ("outbound.request_seconds", self.outbound.request_seconds),
        ];
        let wrong = some_time.iter().find(|(_, value)| !(0.01..=86_400.0).contains(value));
        wrong.map(|(key, _)| (*key, "give 0.01 to 86400"))
    }

    fn fault_of_limits(&self) -> Option<Fault> {
        if self.outbound.answer_kib > 1 << 20 {
            return Some(("outbound.answer_kib", "give at most 1048576"));
        }
        if !(1..=3_650).contains(&self.limits.schedule_days) {
            return Some(("limits.schedule_days", "give 1 to 3650"));
        }
        if !(0.0..=0.9).contains(&self.gc.compact_below) {
            return Some(("gc.compact_below", "give a share from 0 to 0.9"));
        }
        if self.gc.compact_mib > 1 << 40 {
            return Some(("gc.compact_mib", "give at most 1099511627776"));
        }
        if self.limits.content_gib > 5_120.0 {
            return Some(("limits.content_gib", "a content has at most 5120 GiB"));
        }
        if self.store.pack_mib > 63 {
            return Some(("store.pack_mib", "a pack has at most 63 MiB besides its index"));
        }
        if self.store.pack_memory_mib == 0 || self.store.pack_memory_mib > 1 << 20 {
            return Some(("store.pack_memory_mib", "give at least 1 MiB and at most 1048576"));
        }
        if !(1..=3_650).contains(&self.limits.waiver_days) {
            return Some(("limits.waiver_days", "give 1 to 3650"));
        }
        if self.limits.page == 0 || self.limits.page > self.limits.page_max {
            return Some(("limits.page", "give at least 1 and at most limits.page_max"));
        }
        None
    }

    fn fault_of_places(&self) -> Option<Fault> {
        if self.store.kind == StoreKind::S3 && self.store.bucket.is_empty() {
            return Some(("store.bucket", "name the bucket of the s3 store"));
        }
        if matches!(self.store.kind, StoreKind::Azure | StoreKind::Gcs) && self.store.url.is_empty() {
            return Some(("store.url", "name the container or bucket"));
        }
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|p| self.database.url.starts_with(p));
        if !self.database.url.is_empty() && !is_postgres {
            return Some(("database.url", "leave it empty for SQLite, or start it with postgres://"));
        }
        None
    }
}
