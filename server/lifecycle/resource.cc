#include "server/lifecycle/resource.h"

#include "absl/strings/str_cat.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {

coro::Task<absl::Status> Object::Init(InitContext&) {
  co_return absl::OkStatus();
}

coro::Task<absl::StatusOr<Payload>> Object::Enter(EnterContext&) {
  co_return Payload();
}

coro::Task<absl::Status> Object::UseStream(UseContext&,
                                           absl::string_view method,
                                           PayloadView, UseChannel&) {
  co_return MethodNotFound(method);
}

coro::Task<absl::StatusOr<ExitResult>> Object::Exit(ExitContext&) {
  co_return ExitResult();
}

coro::Task<absl::Status> Object::Close(CloseContext&) {
  co_return absl::OkStatus();
}

coro::Task<absl::Status> Object::Check(CheckContext&) {
  co_return absl::OkStatus();
}

Payload Object::Value() const { return Payload(); }

absl::StatusOr<std::string> Object::Endpoint(const Payload&) const {
  return Error(Reason::kMethodNotFound,
               "the object takes no calls of other services' methods");
}

std::unique_ptr<Object> Kind::Construct(const InstanceInfo&, InstanceContext&) {
  return nullptr;
}

coro::Task<absl::StatusOr<Made>> Kind::Make(const InstanceInfo& info,
                                            InstanceContext& instance,
                                            ConstructContext&) {
  co_return Made{Construct(info, instance), hooks()};
}

coro::Task<void> Kind::End() { co_return; }

absl::Status MethodNotFound(absl::string_view method) {
  return Error(Reason::kMethodNotFound,
               absl::StrCat("the object has no method \"", method, "\""));
}

}  // namespace anteroom::lifecycle
