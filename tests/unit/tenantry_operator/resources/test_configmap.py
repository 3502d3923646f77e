from tenantry_operator.resources.configmap import build_configmap
from tenantry_operator.resources.deployment import build_deployment
from tests.unit.tenantry_operator.objects import DEFAULTS, gateway


def test_the_configuration_is_the_file_that_the_pod_is_told_to_read() -> None:
    configmap = build_configmap(gateway(), "text")
    pod = build_deployment(gateway(), DEFAULTS)["spec"]["template"]["spec"]
    path = next(one["value"] for one in pod["containers"][0]["env"] if one["name"] == "CLAWDBOT_CONFIG_PATH")
    volume = next(one for one in pod["volumes"] if one["name"] == "config")

    assert configmap["data"] == {path.removeprefix("/etc/tenantry/"): "text"}
    assert volume["configMap"]["name"] == configmap["metadata"]["name"]
