#include "server/lifecycle/event.h"

#include <utility>

#include "server/error/utf8.h"

namespace anteroom::lifecycle {

const EventDetails& Event::more() const {
  static const EventDetails& nothing = *new EventDetails;  // never destroyed
  return details == nullptr ? nothing : *details;
}

std::shared_ptr<const EventDetails> MakeDetails(EventDetails details) {
  details.message = ToUtf8(details.message, kMaxMessageBytes);
  return std::make_shared<EventDetails>(std::move(details));
}

std::shared_ptr<const EventDetails> DetailsOf(const absl::Status& status) {
  if (status.ok()) return nullptr;
  return MakeDetails({.status = status});
}

}  // namespace anteroom::lifecycle
