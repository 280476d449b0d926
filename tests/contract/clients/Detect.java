import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

class Detect {
    public static void main(String[] arguments) throws Exception {
        String picture = Base64.getEncoder().encodeToString(Files.readAllBytes(Path.of("scene.jpg")));
        String address = System.getenv("RETINUE_URL") + "/shapes/1?api_key=" + System.getenv("RETINUE_KEY");
        HttpRequest request = HttpRequest.newBuilder(URI.create(address))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString(picture))
                .build();
        System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
