"""A program with a gRPC service of its own, as an object of kind `process`.

It knows no message types: /test.Model/Predict answers with its request in
capitals, /test.Model/Stream with each byte by itself, /test.Model/Hang begins
and never ends.
"""

import concurrent.futures
import sys
import threading

import grpc


def predict(request, context):
    context.set_trailing_metadata((("model", "test"),))
    return request.upper()


def stream(request, context):
    for byte in request:
        yield bytes([byte])


def hang(request, context):
    gone = threading.Event()
    context.add_callback(gone.set)
    yield b"begun"
    gone.wait()


def main():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                "test.Model",
                {
                    "Predict": grpc.unary_unary_rpc_method_handler(predict),
                    "Stream": grpc.unary_stream_rpc_method_handler(stream),
                    "Hang": grpc.unary_stream_rpc_method_handler(hang),
                },
            )
        ]
    )
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    server.wait_for_termination()


main()
