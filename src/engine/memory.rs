//! How much memory this process holds, how much the machine has and how much of it is free, where the system says so (Linux).

pub use crate::bytes::words;

/// Bytes of memory that this process holds in RAM; none where the system does not say. Takes microseconds.
pub fn resident() -> Option<u64> {
    kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Bytes of memory that this process may use: the machine's, or less where a container sets a limit. None where the
/// system does not say.
pub fn total() -> Option<u64> {
    let machine = kilobytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    // Version 2 and version 1 of control groups; a limit that is none is the word `max`, or greater than any machine.
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = |path: &&str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    Some(limits.iter().filter_map(limit).fold(machine, u64::min))
}

/// Bytes of memory that are free: what the system would give to a program that asks now, caches of files that can be let
/// go of included; less where a container's limit is nearer. None where the system does not say. Takes microseconds.
pub fn free() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = kilobytes(&read("/proc/meminfo")?, "MemAvailable:")?;
    // As in `total`: version 2, version 1.
    let groups = [
        ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"],
        [
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
            "/sys/fs/cgroup/memory/memory.stat",
        ],
    ];
    let within = |[limit, used, stat]: &[&str; 3]| left(&read(limit)?, &read(used)?, &read(stat).unwrap_or_default());
    Some(groups.iter().filter_map(within).fold(machine, u64::min))
}

/// What a control group has left of its limit: what it uses is counted without the files' pages that can be let go of.
/// None where it has no limit.
fn left(limit: &str, used: &str, stat: &str) -> Option<u64> {
    let (limit, used) = (limit.trim().parse::<u64>().ok()?, used.trim().parse::<u64>().ok()?);
    let pages = ["total_inactive_file ", "inactive_file "];
    let pages = pages.iter().find_map(|key| {
        stat.lines().find_map(|line| line.strip_prefix(key)).and_then(|pages| pages.trim().parse::<u64>().ok())
    });
    Some(limit.saturating_sub(used.saturating_sub(pages.unwrap_or(0))))
}

/// The value of `key` in a table as Linux writes it: `VmRSS:    1234 kB`.
fn kilobytes(table: &str, key: &str) -> Option<u64> {
    let value = table.lines().find_map(|line| line.strip_prefix(key))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_linux_is_read_and_nonsense_is_not() {
        let table = "Name:\tpodium\nVmHWM:\t    9000 kB\nVmRSS:\t    1234 kB\n";
        assert_eq!(kilobytes(table, "VmRSS:"), Some(1234 * 1024));
        assert_eq!(kilobytes(table, "VmSwap:"), None);
        for broken in ["VmRSS: many kB", "VmRSS: 12", "VmRSS:", "VmRSS: 99999999999999999999 kB", ""] {
            assert_eq!(kilobytes(broken, "VmRSS:"), None, "{broken:?}");
        }
    }

    #[test]
    fn a_group_s_pages_of_files_are_free_and_no_limit_is_none() {
        assert_eq!(left("1000\n", "700\n", "anon 400\ninactive_file 250\nactive_file 9\n"), Some(550));
        assert_eq!(left("1000", "700", "inactive_file 20\ntotal_inactive_file 100\n"), Some(400));
        assert_eq!(left("1000", "700", ""), Some(300));
        assert_eq!(left("1000", "1700", "inactive_file 9000"), Some(1000));
        assert_eq!(left("1000", "1700", "inactive_file many"), Some(0));
        assert_eq!(left("max\n", "700\n", ""), None);
        assert_eq!(left("", "", ""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn some_of_the_machine_s_memory_is_free() {
        let (free, all) = (free().expect("Linux says"), total().expect("Linux says"));
        assert!(free > 0 && free <= all, "{free} of {all} bytes");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_holds_some_of_the_machine_s_memory() {
        let (held, all) = (resident().expect("Linux says"), total().expect("Linux says"));
        assert!(held > 1 << 20 && held < all, "{held} of {all} bytes");
    }
}
