"""What a stack says of a PostgreSQL server of ours: its image, size and disk."""

from infra.settings.config import Config
from recovery.plan.plan import Plan
from recovery.site.capacity import POSTGRES, Size, least_disk_gibibytes
from recovery.units import format_size


def storage_size(config: Config, plan: Plan) -> str:
    """Room for the plan's database and for its growth: a full disk ends the server."""
    size = config.amount("storageSize", {"Gi": 1, "Ti": 1024}, "a size such as 400Gi")
    least = least_disk_gibibytes(plan)
    if 0 < size < least:
        database = format_size(plan.assumptions.size.postgres)
        config.wrong("storageSize", f"at least {least}Gi for a database of {database} that grows", f"{size}Gi")
    return f"{size}Gi"


def postgres_image(config: Config) -> str:
    """By digest. An image that says it is Alpine's is refused here, any other without glibc when it starts."""
    image = config.image("postgresImage", "postgres")
    if "alpine" in image.lower():
        expected = (
            "a Debian image of PostgreSQL: Alpine's C library sorts text in another order than the primary's, so that "
            "indexes miss rows, and its postgres has uid 70 instead of 999"
        )
        config.wrong("postgresImage", expected, image)
    return image


def postgres_size(config: Config) -> Size:
    """CPU asked for, and memory asked for and allowed."""
    cpu = config.amount("postgresCpu", {"m": 1}, "thousandths of a core such as 2000m", default=POSTGRES.cpu)
    memory = config.amount(
        "postgresMemory", {"Mi": 1, "Gi": 1024}, "an amount such as 8Gi", default=POSTGRES.memory, least="512Mi"
    )
    return Size(millicores=cpu, mebibytes=memory)


def disk_key(config: Config, region: str) -> str:
    """A key for its disk; empty: the account's for EBS."""
    return config.text("diskKey", r"arn:aws:kms:\S+:key/\S+", f"the ARN of a KMS key in {region}", default="")
