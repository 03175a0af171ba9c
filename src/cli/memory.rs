//! What the C library does with memory that is free again.

/// From this size on, in bytes, a block is given back to the system as soon as it is free.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BLOCK: libc::c_int = 1 << 20;

/// Makes large blocks go back to the system when they are freed.
///
/// glibc raises the size from which it does so to that of the largest block freed so far (`mallopt(3)`,
/// `M_MMAP_THRESHOLD`). After one volume of 9 MB all later ones would come out of memory that it keeps and
/// fragments: half as much again as is in use (`docs/couchdb.md`). To be called before the first other thread.
pub(super) fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // What a user has set counts.
    if std::env::var_os("MALLOC_MMAP_THRESHOLD_").is_none() {
        #[expect(unsafe_code, reason = "mallopt has no safe form")]
        // SAFETY: it takes two numbers, keeps no pointer, and no other thread runs yet. When it refuses the value,
        // nothing changes.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK);
        }
    }
}
