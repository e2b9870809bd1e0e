"""Which machine it was, and whether we had it to ourselves: a figure taken beside a compiler is none."""

import ctypes
import os
import pathlib
import resource

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


def describe():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(": ")[1] for line in cpuinfo if line.startswith("model name")), "unknown processor")
    return f"{len(os.sched_getaffinity(0))} cores ({model}), shared by server and load"


class Share:
    """What others took of the cores, from its making to other_percent(); by then everything of ours must have ended."""

    def __init__(self):
        # What our children leave behind (ssh-agent its helper) becomes ours, to be counted.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        self._total, self._busy = self._all()
        self._ours = self._own()

    def other_percent(self):
        while self._reaped_one():
            pass
        total, busy = self._all()
        others = (busy - self._busy) - (self._own() - self._ours)
        return max(100 * others / max(total - self._total, 1), 0)

    @staticmethod
    def _all():
        """Ticks of all cores: in all, and not idle. proc(5): user nice system idle iowait irq softirq steal."""
        ticks = [int(n) for n in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(ticks), sum(ticks) - ticks[3] - ticks[4]

    @staticmethod
    def _own():
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in used) * os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _reaped_one():
        try:
            return os.waitpid(-1, 0) != (0, 0)
        except ChildProcessError:
            return False
