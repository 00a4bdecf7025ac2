// Ref<T>: shared ownership of an object that counts its own references, where
// there are so many of them that std::shared_ptr is too large: a Ref is one
// pointer, and the count four bytes of the object.
//
//   class Lease : public Counted<Lease> { ... };
//   Ref<Lease> lease(new Lease(...));
//
// The last Ref to go deletes the object.
//
// Thread safety: that of std::shared_ptr: different Refs to one object from
// different threads; one Ref from one at a time.
#ifndef ANTEROOM_SERVER_CORO_REF_H_
#define ANTEROOM_SERVER_CORO_REF_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace anteroom::coro {

template <typename T>
class Ref;

template <typename T>
class Counted {
 private:
  friend T;
  friend Ref<T>;

  Counted() = default;
  ~Counted() = default;

  std::atomic<std::uint32_t> references_{0};
};

template <typename T>
class Ref {
 public:
  Ref() = default;
  // Implicit, as that of every pointer.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Ref(std::nullptr_t) {}
  // One more reference to what others refer to already, or to what is new.
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) {
      Count(*object_).fetch_add(1, std::memory_order_relaxed);
    }
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  // Other's is this one's then, and this one's goes with `other`.
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr &&
        Count(*object_).fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete object_;
    }
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  void reset() { *this = nullptr; }
  // Whether nobody else refers to the object. REQUIRES: not null.
  bool unique() const {
    return Count(*object_).load(std::memory_order_acquire) == 1;
  }
  // Keeps the reference without this Ref, until it is adopted.
  T* Detach() { return std::exchange(object_, nullptr); }
  // The Ref of a reference that was detached.
  static Ref Adopt(T* object) {
    Ref adopted;
    adopted.object_ = object;
    return adopted;
  }

  friend bool operator==(const Ref&, const Ref&) = default;
  friend auto operator<=>(const Ref&, const Ref&) = default;
  friend bool operator==(const Ref& ref, std::nullptr_t) {
    return ref.object_ == nullptr;
  }

 private:
  static std::atomic<std::uint32_t>& Count(Counted<T>& object) {
    return object.references_;
  }

  T* object_ = nullptr;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_REF_H_
