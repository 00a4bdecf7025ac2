// anteroomd, but Abseil looks for deadlocks at each of gRPC's locks, as it does
// unless it is told not to.
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "grpcpp/impl/server_builder_plugin.h"
#include "grpcpp/server_builder.h"
#include "server/run.h"

namespace {

// Is made once Run() has turned it off, and before anything of gRPC is locked:
// what is locked without it must not be unlocked with it.
class DetectDeadlocks : public grpc::ServerBuilderPlugin {
 public:
  DetectDeadlocks() {
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kAbort);
  }

  std::string name() override { return "detect deadlocks"; }
  void InitServer(grpc::ServerInitializer*) override {}
  void Finish(grpc::ServerInitializer*) override {}
  void ChangeArguments(const std::string&, void*) override {}
};

}  // namespace

int main(int argc, char** argv) {
  grpc::ServerBuilder::InternalAddPluginFactory(
      []() -> std::unique_ptr<grpc::ServerBuilderPlugin> {
        return std::make_unique<DetectDeadlocks>();
      });
  return anteroom::Run(argc, argv);
}
