"""What every test run needs: no skip in CI, no run without tests, no shared numba cache."""

import os

import pytest

# Small nets on two cores that the suite shares: more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config):
    # Two processes that compile into one cache crash in code half-written by the other: each
    # worker of pytest has a cache of its own, kept from run to run.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if not config.pluginmanager.hasplugin("cacheprovider"):
        return
    os.environ["NUMBA_CACHE_DIR"] = str(config.cache.mkdir(f"numba-{worker}"))


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
