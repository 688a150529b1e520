"""The standby's start script with real PostgreSQL: a primary's own configuration, and a second start on a volume."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.kubernetes.ownership import give_to_group
from lab.machine.addresses import Block
from lab.machine.processes import Supervisor
from tests.support.backup_site import Site
from tests.support.standby_volume import Volume, volume_for


@pytest.fixture
def volume(each_source: Site, processes: Supervisor, database_folder: Path, block: Block) -> Iterator[Volume]:
    """An empty volume; its primary's postgresql.conf has everything that cannot work elsewhere."""
    with volume_for(each_source, processes, database_folder, block) as made:
        yield made


def test_a_primary_s_configuration_does_not_keep_its_copy_from_following(volume: Volume) -> None:
    volume.start()
    assert volume.ask("SHOW shared_buffers") == "32MB"
    assert volume.ask("SHOW max_connections") == "200"  # its primary's own


def test_the_second_start_finds_data_that_the_mount_opened(volume: Volume) -> None:
    volume.start()
    volume.processes.kill("standby")
    give_to_group(volume.folder, volume.primary.uid or os.getgid())  # kubelet's default, at every mount
    assert volume.server.data.stat().st_mode & 0o070 == 0o070
    volume.start()
