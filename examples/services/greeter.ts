import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";

interface HelloRequest {
  readonly name: string;
}

interface HelloReply {
  readonly message: string;
}

const greetings = ["Hello", "Bonjour", "Grüezi", "Hola", "Merhaba"];

/** helloworld.Greeter */
export const greeter = {
  sayHello(call: ServerUnaryCall<HelloRequest, HelloReply>, answer: sendUnaryData<HelloReply>) {
    answer(null, { message: `Hello ${call.request.name}` });
  },

  sayHelloStreamReply(call: ServerWritableStream<HelloRequest, HelloReply>) {
    for (const greeting of greetings) call.write({ message: `${greeting} ${call.request.name}` });
    call.end();
  },

  sayHelloBidiStream(call: ServerDuplexStream<HelloRequest, HelloReply>) {
    call.on("data", (request: HelloRequest) => call.write({ message: `Hello ${request.name}` }));
    call.on("end", () => call.end());
  },
};
