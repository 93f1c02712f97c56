"""What every test run needs: no skip in CI, no run without tests, compiled code."""

import gc
import os
import sys

import compiled_kernels
import pytest

# Small nets on two cores that the suite shares: more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Else every process that a test starts compiles the whole package, whose caches git ignores.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


# A twentieth of the suite's time is otherwise spent on looking through a million objects that stay.
gc.set_threshold(20_000, 20, 20)


def pytest_collection_finish(session):
    gc.freeze()


def pytest_configure(config):
    # Two processes that compile into one cache crash in code half-written by the other: each
    # worker of pytest has a cache of its own, kept from run to run.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if not config.pluginmanager.hasplugin("cacheprovider"):
        return
    cache = config.cache.mkdir(f"numba-{worker}")
    os.environ["NUMBA_CACHE_DIR"] = str(cache)
    if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
        compiled_kernels.share(cache, config.cache.mkdir("numba-main"), int(worker.strip("gw")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


def pytest_sessionfinish(session, exitstatus):
    # xdist has been seen to report success when all of its workers had crashed.
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    ran = reporter is None or "passed" in reporter.stats or session.config.option.collectonly
    if exitstatus == 0 and not ran:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
