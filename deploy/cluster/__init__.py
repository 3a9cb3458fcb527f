"""`make cluster`: the services of compose.yaml as local processes, for where there is no Docker.

`running_cluster(replicas, folder)` is the same for tests and benchmarks.
"""

from deploy.cluster.running import Cluster, running_cluster
from pulang.complaint import Complaint

__all__ = ["Cluster", "Complaint", "running_cluster"]
