"""The cluster of compose.yaml with two replicas of each service."""

from collections.abc import Iterator

import pytest

from deploy.cluster import Cluster, running_cluster
from pulang.complaint import Complaint
from tests.real.processes import open_folder, skip_or_fail


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Skips the tests where there can be no cluster; fails them in CI."""
    try:
        with open_folder() as folder, running_cluster(2, folder) as one:
            yield one
    except Complaint as reason:
        skip_or_fail("cluster", str(reason))
