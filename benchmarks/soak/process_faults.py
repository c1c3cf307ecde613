"""Processes that end, stop, or have another clock."""

import os
import signal

from benchmarks.soak.scene import KILLED, Scene


def search_killed(scene: Scene) -> None:
    """The search ends by SIGKILL; its workers end with it."""
    command = scene.running()
    command.signal(signal.SIGKILL)
    command.wait(KILLED)


def worker_killed(scene: Scene) -> None:
    """A worker ends by SIGKILL; the search goes on."""
    command = scene.running()
    scene.kill_worker(command)
    command.wait()


def everything_killed(scene: Scene) -> None:
    """Search and workers end by SIGKILL, as in a power cut."""
    command = scene.running()
    command.signal(signal.SIGKILL, command.main, *command.workers())
    command.wait(KILLED)


def stop_requested(scene: Scene) -> None:
    """Ctrl-C or SIGTERM."""
    command = scene.running()
    number = scene.draw.choice((signal.SIGINT, signal.SIGTERM))
    command.signal(number)
    command.wait((128 + number, -number))  # before it listens, the signal ends it


def terminal_gone(scene: Scene) -> None:
    """The terminal closes: SIGHUP, or nobody reads any more."""
    command = scene.running()
    if scene.draw.random() < 0.5:
        command.signal(signal.SIGHUP)
        command.wait((-signal.SIGHUP, 128 + signal.SIGHUP))
    else:
        command.hang_up()
        command.wait((1, 128 + signal.SIGPIPE), is_silent=True)


def everything_suspended(scene: Scene) -> None:
    """A laptop is closed and opened: search and workers stop for a while and go on."""
    command = scene.running()
    processes = (command.main, *command.workers())
    command.signal(signal.SIGSTOP, *processes)
    scene.pause(2.0)
    command.signal(signal.SIGCONT, *reversed(processes))
    command.wait()


def worker_suspended(scene: Scene) -> None:
    """A worker stops for a while and goes on, or the search is killed meanwhile: then it ends, too."""
    command = scene.running()
    workers = command.workers()
    for worker in workers[:1]:
        command.signal(signal.SIGSTOP, worker)
    scene.pause(1.5)
    if scene.draw.random() < 0.5:
        command.signal(signal.SIGKILL)
        command.wait(KILLED)
        return
    for worker in workers[:1]:
        command.signal(signal.SIGCONT, worker)
    command.wait()


def clock_elsewhere(scene: Scene) -> None:
    """A run whose clocks are far ahead, in another time zone, between runs that have the right ones."""
    far = [str(scene.draw.randint(0, 10**6)) for _ in range(2)]
    wrapper = ["unshare", "-T", "--monotonic", far[0], "--boottime", far[1], "--fork", "--kill-child=SIGKILL"]
    zone = scene.draw.choice(("Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati"))
    command = scene.running(wrapper=wrapper if os.geteuid() == 0 else (), environment={"TZ": zone})
    command.signal(signal.SIGKILL)
    command.wait((*KILLED, 128 + signal.SIGKILL, 1), is_silent=True)  # `unshare` has codes of its own
