"""Every kind of fault: each disturbs a search and leaves no process of its own behind."""

from collections.abc import Callable

from benchmarks.soak import command_faults, machine_faults, process_faults
from benchmarks.soak.scene import Scene

FAULTS: tuple[Callable[[Scene], None], ...] = (
    process_faults.search_killed,
    process_faults.worker_killed,
    process_faults.everything_killed,
    process_faults.stop_requested,
    process_faults.terminal_gone,
    process_faults.everything_suspended,
    process_faults.worker_suspended,
    process_faults.clock_elsewhere,
    machine_faults.disk_full,
    machine_faults.file_size_limited,
    machine_faults.no_file_handles,
    machine_faults.memory_limited,
    machine_faults.permission_gone,
    machine_faults.disk_slow,
    command_faults.readers_beside,
    command_faults.second_search,
    command_faults.left_overs_removed,
    command_faults.copy_killed,
    command_faults.retry_killed,
    command_faults.import_killed,
    command_faults.migration_killed,
)
"""Each is drawn as often as any other."""
