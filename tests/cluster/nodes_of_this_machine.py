"""The program of a Ray cluster whose nodes are processes of this machine; it does what its standard input says.

`add N` adds a node with N processors, `add N FOLDER` one whose Python looks into a folder first, `kill` ends the newest
one with SIGKILL, `kill head` the head; each is answered with a line. At the end of its input the cluster ends. Its one
argument is a port for Ray's client, if there is to be one.
"""

import os
import sys

from ray.cluster_utils import Cluster


def main() -> None:
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 makes way for all that runs beside the tests
    client = {"ray_client_server_port": int(sys.argv[1])} if sys.argv[1:] else {}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **client})
    nodes = []
    print(cluster.address, flush=True)
    for line in sys.stdin:
        match line.split():
            case ["add", cpus]:
                nodes.append(cluster.add_node(num_cpus=int(cpus)))
            case ["add", cpus, folder]:
                path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
                nodes.append(cluster.add_node(num_cpus=int(cpus), env_vars={"PYTHONPATH": path}))
            case ["kill"]:
                cluster.remove_node(nodes.pop(), allow_graceful=False)
            case ["kill", "head"]:
                cluster.head_node.kill_gcs_server(check_alive=False)
        print("done", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
