"""google.rpc: the official package where it is installed, else our subset.

Two descriptors of one name cannot live in one process, so ours must not be
loaded beside googleapis-common-protos.
"""

try:
    from google.rpc import code_pb2, error_details_pb2, status_pb2
except ImportError:
    from anteroom._google_rpc.generated import (
        code_pb2,
        error_details_pb2,
        status_pb2,
    )

__all__ = ["code_pb2", "error_details_pb2", "status_pb2"]
