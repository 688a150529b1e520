"""The Kubernetes provider of a stack, from what EKS says about the cluster."""

import pulumi
import pulumi_kubernetes as k8s

from recovery.site.kubeconfig import kubeconfig


def cluster_provider(
    *, name: pulumi.Input[str], endpoint: pulumi.Input[str], ca_data: pulumi.Input[str], region: str
) -> k8s.Provider:
    """Logs in as whoever runs Pulumi, by `aws eks get-token`."""
    config = pulumi.Output.all(name=name, endpoint=endpoint, ca_data=ca_data).apply(
        lambda found: kubeconfig(
            name=found["name"], endpoint=found["endpoint"], ca_data=found["ca_data"], region=region
        )
    )
    # By default a changed ConfigMap is deleted and made anew, and no Pod starts in between:
    # https://github.com/pulumi/pulumi-kubernetes/issues/1567
    return k8s.Provider("kubernetes", kubeconfig=config, enable_server_side_apply=True, enable_config_map_mutable=True)
