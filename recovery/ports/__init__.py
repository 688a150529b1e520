"""What the rules and scripts need from outside systems, one narrow Protocol each, in the file of that system.

Implementations are in `cloud` and `engines`; small fakes for unit tests in `tests/support/fakes.py`. Whatever does not
answer raises `Unreachable`.
"""

from recovery.ports.buckets import HeldObject as HeldObject
from recovery.ports.buckets import HiddenObject as HiddenObject
from recovery.ports.buckets import LogBucket as LogBucket
from recovery.ports.buckets import ObjectStore as ObjectStore
from recovery.ports.buckets import PackBucket as PackBucket
from recovery.ports.buckets import PruneBucket as PruneBucket
from recovery.ports.buckets import RestoreBucket as RestoreBucket
from recovery.ports.buckets import StoredObject as StoredObject
from recovery.ports.buckets import UnfinishedUpload as UnfinishedUpload
from recovery.ports.cluster import Cluster as Cluster
from recovery.ports.cluster import ClusterRoom as ClusterRoom
from recovery.ports.cluster import DeploymentState as DeploymentState
from recovery.ports.cluster import FailedJob as FailedJob
from recovery.ports.cluster import GuardState as GuardState
from recovery.ports.cluster import Room as Room
from recovery.ports.cluster import ScheduledJobs as ScheduledJobs
from recovery.ports.cluster_objects import Applied as Applied
from recovery.ports.cluster_objects import ClusterObjects as ClusterObjects
from recovery.ports.cluster_objects import Kind as Kind
from recovery.ports.cluster_objects import Object as Object
from recovery.ports.control_table import GuardReports as GuardReports
from recovery.ports.control_table import LeaseStore as LeaseStore
from recovery.ports.control_table import RunClaim as RunClaim
from recovery.ports.control_table import RunReports as RunReports
from recovery.ports.control_table import RunStore as RunStore
from recovery.ports.control_table import WallStore as WallStore
from recovery.ports.edge import Edge as Edge
from recovery.ports.edge import EdgeSeen as EdgeSeen
from recovery.ports.edge import HttpAnswer as HttpAnswer
from recovery.ports.edge import OldSite as OldSite
from recovery.ports.edge import ServiceAnswer as ServiceAnswer
from recovery.ports.edge import WriteAnswer as WriteAnswer
from recovery.ports.metrics import MetricSink as MetricSink
from recovery.ports.public_name import HostedZone as HostedZone
from recovery.ports.public_name import Marker as Marker
from recovery.ports.sealing import Context as Context
from recovery.ports.sealing import Opener as Opener
from recovery.ports.sealing import Sealed as Sealed
from recovery.ports.sealing import Sealer as Sealer
from recovery.ports.standby import CollationChange as CollationChange
from recovery.ports.standby import LogAhead as LogAhead
from recovery.ports.standby import PromoterRights as PromoterRights
from recovery.ports.standby import StandbyDatabase as StandbyDatabase
from recovery.ports.standby import StandbyLog as StandbyLog
from recovery.ports.standby import StandbyState as StandbyState
from recovery.ports.standby import WriteGate as WriteGate
