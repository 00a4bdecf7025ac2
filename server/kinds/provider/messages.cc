#include "server/kinds/provider/messages.h"

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"

namespace anteroom::kinds {

void FillLease(const lifecycle::LeaseInfo& info,
               provider::v1::LeaseRef& lease) {
  lease.set_name(info.name);
  lease.set_fencing_token(info.fencing_token);
  lease.set_holder(info.holder);
  lease.mutable_labels()->insert(info.labels.begin(), info.labels.end());
}

v1::Payload ToProto(lifecycle::PayloadView payload) {
  v1::Payload proto;
  proto.set_content_type(payload.content_type.data(),
                         payload.content_type.size());
  proto.set_data(payload.data.data(), payload.data.size());
  return proto;
}

lifecycle::Payload FromProto(const v1::Payload& proto) {
  return {proto.content_type(), proto.data()};
}

v1::ExitReason ToProto(lifecycle::ExitReason reason) {
  v1::ExitReason proto = v1::EXIT_REASON_UNSPECIFIED;
  ANTEROOM_CHECK(v1::ExitReason_Parse(
      absl::StrCat("EXIT_REASON_", lifecycle::ExitReasonName(reason)), &proto));
  return proto;
}

}  // namespace anteroom::kinds
