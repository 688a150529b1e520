"""How to look at a kept lab."""

from lab.addresses import DNS_PORT, POSTGRES_PORT
from lab.observers import read_bundle
from lab.progress import console
from lab.world import World


def print_ways(world: World) -> None:
    """Commands to copy; passwords stand in a file only this user can read."""
    shell = world.folder / "operator.env"
    shell.touch(mode=0o600)
    environment = {**world.operator_env(), "KUBECONFIG": str(world.dr.kubeconfig()), **world.engine_env()}
    shell.write_text("".join(f"export {key}='{value}'\n" for key, value in environment.items() if "'" not in value))
    endpoints = read_bundle(world)["endpoints"]
    host, _, port = endpoints["standby"].rpartition(":")
    lines = [
        f". {shell}      # AWS_ENDPOINT_URL, KUBECONFIG (DR cluster), PGPASSWORD, pulumi's settings; then:",
        f"cd {world.engine.project_dir} && pulumi stack ls && pulumi preview --stack dr",
        f"kubectl --kubeconfig {world.dr.kubeconfig()} get pods -A",
        f"kubectl --kubeconfig {world.prod.kubeconfig()} get pods -A",
        f"psql -h {host} -p {port}            # the DR site's PostgreSQL, as the promoter",
        f"psql -h {world.block.primary} -p {POSTGRES_PORT} # production's old primary",
        f"dig @{world.block.dns} -p {DNS_PORT} {world.plan.dns.name}",
        "dr status; dr lease show; dr backups --site dr; dr promote",
        f"ls {world.supervisor.logs} {world.dr.pod_logs} {world.prod.pod_logs}",
    ]
    console.print("\nThe sites stay up. To look around:", style="bold")
    for line in lines:
        console.print(f"  {line}", markup=False)
    console.print("End it with `make lab-down`.", style="bold")
