//! What the process asks of the C library's allocator.

/// Lets threads share the allocator's memory: no more parts of it than there are processors. By default there are eight
/// times as many, and each keeps what its threads have given back, which for uploads adds up to tens of MiB. To be called
/// before there are other threads; with another C library it does nothing.
pub fn share_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let most = i32::try_from(processors).unwrap_or(i32::MAX);
        // SAFETY: mallopt takes two numbers by value and is called while there is only one thread.
        let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, most) };
    }
}
