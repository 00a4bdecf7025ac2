#include "server/service/not_implemented.h"

#include "absl/strings/str_cat.h"
#include "server/error/error.h"

namespace anteroom::service {

coro::Task<absl::Status> NotImplemented(absl::string_view rpc) {
  co_return Error(Reason::kNotImplemented,
                  absl::StrCat("this server does not have ", rpc, " yet"));
}

}  // namespace anteroom::service
