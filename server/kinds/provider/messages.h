// What hooks are given, as a provider is told it.
#ifndef ANTEROOM_SERVER_KINDS_PROVIDER_MESSAGES_H_
#define ANTEROOM_SERVER_KINDS_PROVIDER_MESSAGES_H_

#include "anteroom/provider/v1/provider_service.pb.h"
#include "anteroom/v1/lease.pb.h"
#include "server/lifecycle/payload.h"
#include "server/lifecycle/receipt.h"
#include "server/lifecycle/resource.h"

namespace anteroom::kinds {

void FillLease(const lifecycle::LeaseInfo& info, provider::v1::LeaseRef& lease);
v1::Payload ToProto(lifecycle::PayloadView payload);
lifecycle::Payload FromProto(const v1::Payload& proto);
v1::ExitReason ToProto(lifecycle::ExitReason reason);

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROVIDER_MESSAGES_H_
