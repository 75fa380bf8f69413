//! Every outside value has a limit; these are the ones that the operations keep. Defaults and meanings stand in
//! the configuration file.

/// Limits and sizes of the operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one content.
    pub content_bytes_max: u64,
    /// Most bytes of the contents in one batch.
    pub batch_bytes_max: u64,
    /// Most entries of one batch.
    pub batch_entries_max: usize,
    /// Most bytes of a message, reason or title.
    pub text_bytes_max: usize,
    /// Most bytes of a parameter's value.
    pub parameter_bytes_max: usize,
    /// How many days ahead a waiver may end.
    pub waiver_days_max: i64,
    /// How many days ahead a promotion may be scheduled.
    pub schedule_days_max: i64,
    /// How long after its instant a scheduled promotion lapses that names no deadline, in milliseconds.
    pub schedule_deadline_ms: i64,
    /// How long a process that works on a schedule or a verification keeps others away from it, in milliseconds. One
    /// that dies keeps them away as long.
    pub lease_ms: i64,
    /// What the gate refuses to a schedule is asked again after so long, in milliseconds, and at once when something in
    /// its project has changed.
    pub refused_ms: i64,
    /// What a verification finds wrong is looked at again after so long, in milliseconds.
    pub verify_again_ms: i64,
    /// Most environments of a project.
    pub environments_max: usize,
    /// Most saved searches of a project.
    pub searches_max: usize,
    /// Most versions attached to one work item.
    pub work_versions_max: usize,
    /// Most changes and most work items that notes list one by one; more are counted.
    pub notes_lines_max: usize,
    /// Most bytes of notes that a person writes.
    pub notes_bytes_max: usize,
    /// Most bytes of files of test evidence in an evidence pack, all together; more are named only.
    pub evidence_bytes_max: u64,
    /// How full a pack gets before the next one is begun, in bytes.
    pub pack_bytes: usize,
    /// What packs of uploads may take while they are filled and stored, all uploads together, in bytes. When it is used
    /// up, packs get smaller.
    pub pack_memory_bytes: usize,
    /// How long bytes stay that nothing refers to, in milliseconds. At least the longest upload that is accepted: a
    /// shorter grace lets the collector take chunks of an upload still under way, which then fails and must be sent
    /// again.
    pub grace_ms: i64,
    /// How long the bytes of a pack stay after its rows are gone, for readers that still know where it was.
    pub readers_ms: i64,
    /// Packs are compacted of which less than so many thousandths are needed. 0: none.
    pub compact_below_permille: u32,
    /// Most bytes that one collection copies in compacting, unless a single pack has more.
    pub compact_bytes_max: u64,
    /// How long the outcome of a request with an `Idempotency-Key` is kept, in milliseconds.
    pub idempotency_ms: i64,
    /// Contents up to this size are kept in memory once they have been read, in bytes.
    pub memory_content_bytes_max: u64,
    /// All contents kept in memory, in bytes.
    pub memory_contents_bytes: u64,
    /// All manifest nodes and chunk locations kept in memory, in bytes.
    pub memory_nodes_bytes: u64,
    /// Most bytes of a content that are read for references.
    pub reference_bytes_max: u64,
    /// Most references of one content.
    pub references_max: usize,
    /// Most references that may be declared of one asset.
    pub declared_references_max: usize,
    /// Assets that a request examines at most before it answers about references at latest.
    pub pending_references_max: u32,
    /// How users reach the service, such as `https://assets.example.org`: references to it are to its assets. Empty when
    /// nobody has said so.
    pub public_url: String,
    /// How many manifests are searched before a content counts as never published.
    pub published_search_max: u32,
    /// Most webhooks of a project.
    pub webhooks_max: usize,
    /// Most subscriptions of a person.
    pub subscriptions_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        const HOUR_MS: i64 = 3_600_000;
        Self {
            content_bytes_max: 5 << 40,
            batch_bytes_max: 8_192 * MIB,
            batch_entries_max: 200_000,
            text_bytes_max: 16 << 10,
            parameter_bytes_max: 64 << 10,
            waiver_days_max: 90,
            schedule_days_max: 400,
            schedule_deadline_ms: HOUR_MS,
            lease_ms: HOUR_MS / 60,
            refused_ms: HOUR_MS / 60,
            verify_again_ms: 5_000,
            environments_max: 100,
            searches_max: 1_000,
            work_versions_max: 20_000,
            notes_lines_max: 1_000,
            notes_bytes_max: 512 << 10,
            evidence_bytes_max: 256 * MIB,
            pack_bytes: 16 << 20,
            pack_memory_bytes: 256 << 20,
            grace_ms: 24 * HOUR_MS,
            readers_ms: HOUR_MS / 6,
            compact_below_permille: 500,
            compact_bytes_max: 4_096 * MIB,
            idempotency_ms: 24 * HOUR_MS,
            memory_content_bytes_max: 2 * MIB,
            memory_contents_bytes: 128 * MIB,
            memory_nodes_bytes: 64 * MIB,
            reference_bytes_max: 4 * MIB,
            references_max: 10_000,
            declared_references_max: 1_000,
            pending_references_max: 2_000,
            public_url: String::new(),
            published_search_max: 256,
            webhooks_max: 50,
            subscriptions_max: 100,
        }
    }
}
