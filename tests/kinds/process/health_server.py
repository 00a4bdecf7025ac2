"""A gRPC server on PORT whose health service says NOT_SERVING N times, then
SERVING: `health_server.py PORT N`. Says on standard output what it answers."""

import concurrent.futures
import itertools
import sys

import grpc

NOT_SERVING = b"\x08\x02"
SERVING = b"\x08\x01"

answered = itertools.count()


def check(request, context):
    serves = next(answered) >= int(sys.argv[2])
    print("SERVING" if serves else "NOT_SERVING", flush=True)
    return SERVING if serves else NOT_SERVING


server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
server.add_generic_rpc_handlers(
    (grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),)
)
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
