//! What this machine, or the container on it, has to give: cores and memory.
//!
//! It reads `/proc` and the control group files and nothing else. Where they are missing (another operating
//! system) memory is not known, and the settings fall back to a fixed size.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Cores that this process may use: the machine's, within its affinity mask and its container's quota.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Memory in bytes that this process may use: the machine's, or the tightest limit of the control groups it
/// is in, whichever is smaller. `None` where neither can be read.
pub(crate) fn memory() -> Option<u64> {
    memory_below(Path::new("/"))
}

fn memory_below(root: &Path) -> Option<u64> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| total(&text));
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limit = limit_files(root, &groups)
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok())
        .filter(|&limit| limit > 0)
        .min();
    match (machine, limit) {
        (Some(machine), Some(limit)) => Some(machine.min(limit)),
        (machine, limit) => machine.or(limit),
    }
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The files that may hold a limit: of the process's own group and of every group above it, in version 2 and
/// in version 1 of control groups. In a container the own group is often seen as the root.
fn limit_files(root: &Path, groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (mount, name) = if controllers.is_empty() {
            (root.join("sys/fs/cgroup"), "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (root.join("sys/fs/cgroup/memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        let own = Path::new(path.trim_start_matches('/'));
        // `..` stands where the group lies outside of this process's view.
        let own = if path.contains("..") { Path::new("") } else { own };
        files.extend(own.ancestors().map(|group| mount.join(group).join(name)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = root.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        root
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:        1000 kB\nMemFree:          10 kB\n");

    #[test]
    fn without_groups_it_is_the_machine() {
        assert_eq!(memory_below(machine(&[MEMINFO]).path()), Some(1_024_000));
        assert_eq!(memory_below(machine(&[]).path()), None);
    }

    #[test]
    fn the_tightest_group_above_the_process_counts() {
        let root = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/system.slice/skol.service\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "2000\n"),
            ("sys/fs/cgroup/system.slice/skol.service/memory.max", "max\n"),
        ]);
        assert_eq!(memory_below(root.path()), Some(2000));
    }

    #[test]
    fn version_1_and_a_limit_beyond_the_machine() {
        let root = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/abc\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(memory_below(root.path()), Some(1_024_000));
        fs::write(root.path().join("sys/fs/cgroup/memory/memory.limit_in_bytes"), "3000").unwrap();
        assert_eq!(memory_below(root.path()), Some(3000));
    }

    #[test]
    fn this_machine_has_cores() {
        assert!(cores() >= 1);
    }
}
