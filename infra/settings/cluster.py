"""What the warm cluster is told beyond its size: versions of add-ons, and who administers it."""

import re

from infra.settings.config import Config
from recovery.plan.plan import Plan

_DRIVER = "aws-ebs-csi-driver"
ADDONS = ("coredns", "kube-proxy", "eks-pod-identity-agent", "vpc-cni", _DRIVER)
# From here on it tags each volume with its cluster's name, by which its role goes (`recovery.access.cluster_roles`).
_TAGGING = (1, 58)
# A role that IAM Identity Center makes for people. The region is where it is at home, left out for us-east-1:
# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_PEOPLE = re.compile(r".*:role/aws-reserved/sso\.amazonaws\.com/(?:(?P<region>[a-z0-9-]+)/)?[^/]+")


def addon_versions(config: Config) -> dict[str, str]:
    """By add-on, for those that are named. kube-proxy belongs to the cluster's minor version."""
    found = config.mapping("addonVersions", "versions of add-ons by name")
    for addon, version in found.items():
        where = f"addonVersions.{addon}"
        if addon not in ADDONS:
            config.wrong(where, f"one of {', '.join(ADDONS)}", addon)
        elif not re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", version, re.ASCII):
            config.wrong(where, "a version as `aws eks describe-addon-versions` lists it, v1.2.3-eksbuild.1", version)
    driver = re.match(r"v(\d+)\.(\d+)\.", found.get(_DRIVER, ""))
    if driver and (int(driver[1]), int(driver[2])) < _TAGGING:
        config.wrong(f"addonVersions.{_DRIVER}", "v1.58 or newer: its role goes by what that tags", driver.string)
    cluster = config.text("kubernetesVersion", ".*", "", default="")
    proxy = found.get("kube-proxy", "")
    if proxy and not proxy.startswith(f"v{cluster}."):
        config.wrong("addonVersions.kube-proxy", f"a version of the cluster's {cluster}", proxy)
    return found


def cluster_admins(config: Config, plan: Plan) -> list[str]:
    """IAM roles and users. Those who sign in where production is cannot do so when it is gone: not all may be such."""
    expected = "the ARN of an IAM role or user"
    found = config.texts("clusterAdmins", r"arn:aws:iam::\d{12}:(role|user)/[\w+=,.@/-]+", expected, least=0)
    homes = [people["region"] or "us-east-1" for arn in found if (people := _PEOPLE.fullmatch(arn))]
    if found and [plan.sites.prod.region] * len(found) == homes:
        somebody = f"somebody who signs in without {plan.sites.prod.region}, the home of all these people's sign-in"
        config.wrong("clusterAdmins", somebody, found)
    return found
