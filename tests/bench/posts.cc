#include "tests/bench/posts.h"

#include "absl/strings/str_cat.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "bare.grpc.pb.h"
#include "tests/bench/channels.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {
namespace {

using test::bare::v1::BareService;

template <typename Service>
std::string PathOf(const char* method) {
  return absl::StrCat("/", Service::service_full_name(), "/", method);
}

std::vector<std::string> BatchMessage() {
  return {BatchedScope(v1::AcquireRequest::EVENTS_NONE).SerializeAsString()};
}

std::vector<std::string> ScopeMessages() {
  std::vector<std::string> messages;
  for (const v1::WithRequest& request :
       ScopeRequests(v1::AcquireRequest::EVENTS_NONE)) {
    messages.push_back(request.SerializeAsString());
  }
  return messages;
}

// Not compressed, and how long it is, big end first.
std::string PrefixOf(const std::string& message) {
  std::string prefix(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    prefix += static_cast<char>(message.size() >> shift);
  }
  return prefix;
}

}  // namespace

std::string BodyOf(const Post& post) {
  std::string body;
  for (const std::string& message : post.messages) {
    absl::StrAppend(&body, PrefixOf(message), message);
  }
  return body;
}

Post PostUse(const std::string& anteroomd) {
  auto lease = std::make_shared<const HeldLease>(Connect(anteroomd, 1).front());
  return {PathOf<v1::ResourceService>("Use"),
          {EchoUseOf(lease->id()).SerializeAsString()},
          kHeld,
          lease};
}

Post PostBareUse(const std::string&) {
  return {PathOf<BareService>("Use"),
          {EchoUseOf(kSomeLeaseId).SerializeAsString()},
          "",
          nullptr};
}

Post PostBareOnce(const std::string&) {
  return {PathOf<BareService>("Once"),
          {WithUse().SerializeAsString()},
          "",
          nullptr};
}

Post PostBareScope(const std::string&) {
  return {PathOf<BareService>("Scope"), ScopeMessages(), "", nullptr};
}

Post PostBareBatch(const std::string&) {
  return {PathOf<BareService>("Scope"), BatchMessage(), "", nullptr};
}

Post PostCorkedScope(const std::string&) {
  return {PathOf<v1::ResourceService>("With"), ScopeMessages(), kScoped,
          nullptr};
}

Post PostBatchedScope(const std::string&) {
  return {PathOf<v1::ResourceService>("With"), BatchMessage(), kScoped,
          nullptr};
}

}  // namespace anteroom::bench
