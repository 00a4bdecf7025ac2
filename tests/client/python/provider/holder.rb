# A holder in Ruby, over stubs that protoc generated and nothing else:
#   ruby holder.rb FOLDER_OF_STUBS ADDRESS RESOURCE
# Enters the resource with a With call, calls a_method, and leaves.

$LOAD_PATH.unshift(ARGV[0])
require 'anteroom/v1/resource_service_services_pb'

include Anteroom::V1
$stdout.sync = true

stub = ResourceService::Stub.new(ARGV[1], :this_channel_is_insecure, timeout: 30)
requests = Queue.new
requests << WithRequest.new(acquire: AcquireRequest.new(resource: ARGV[2]))

stub.with(Enumerator.new { |each| while (next_one = requests.pop) do each << next_one end })
    .each do |response|
  case response.response
  when :entered
    puts 'context'
    requests << WithRequest.new(use: UseCall.new(call_id: 1, method_name: 'a_method'))
  when :used
    abort response.used.error.message if response.used.outcome == :error
    requests << WithRequest.new(release: ReleaseRequest.new)
    requests << nil
  when :exited
    abort response.exited.to_s unless response.exited.reason == :EXIT_REASON_RELEASED
  end
end
